#!/bin/bash
# SPDX-License-Identifier: MIT
# s3-server.sh: an S3-compatible server that others wrote, for `make test-s3`: s3rver, of the npm registry, below ~/.cache/pgveil. Prints the path of its
# command. It knows neither conditions nor checksums nor lists of uploads, as smaller stores do not; what does is tests/s3/store.py.
set -euo pipefail
version=3.7.1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pgveil/s3rver-$version
if [ ! -e "$cache/ready" ]; then
	command -v npm > /dev/null || { echo "s3-server.sh: npm is needed to fetch s3rver" >&2; exit 1; }
	rm -rf "${cache:?}"
	mkdir -p "$cache"
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache" "s3rver@$version" >&2
	touch "$cache/ready"
fi
echo "$cache/node_modules/.bin/s3rver"
