#!/bin/bash
# SPDX-License-Identifier: MIT
# podman.sh ARGUMENTS…: podman with a storage of its own, so that images and containers of this machine's users and ours do not
# meet; PODMAN_DIR (~/.cache/pgveil/podman) is where it is. Its limits are those that this process has.
set -euo pipefail
dir=${PODMAN_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/pgveil/podman}
mkdir -p "$dir"
exec podman --root "$dir/root" --runroot "$dir/run" --tmpdir "$dir/tmp" --runtime "${PODMAN_RUNTIME:-runc}" --cgroup-manager cgroupfs \
	--events-backend file --storage-driver overlay "$@"
