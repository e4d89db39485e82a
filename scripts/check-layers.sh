#!/bin/bash
# SPDX-License-Identifier: MIT
# check-layers.sh [ROOT]: who may include whom, which file is a library's only door, and whether the paths that READMEs
# and CONTRIBUTING.md name exist. Prints file:line for each breach; exit 1 if there is one. Before it judges anything it
# proves on a small bad tree that it finds what it is for (alone: check-layers.sh --self-test).
set -euo pipefail

# layer: what its files may include, beside its own headers. "layer/" is the whole layer, "layer/x.h" one header.
# main is userspace/main.c and userspace/main/; cli is userspace/cli.c and userspace/cli/, admission likewise; bpf is what clang compiles for the kernel.
table() {
	cat <<-'TABLE'
		base:
		kube:    base/
		web:     base/
		pgwire:  base/
		value:   base/
		sql:     base/
		mask:    base/ value/
		policy:  base/ sql/ mask/
		record:  base/
		session: base/ pgwire/ value/ sql/ mask/ policy/ record/
		kern:    base/ bpf/abi.h pgveil.skel.h pgveil_splice.skel.h
		net:     base/ session/ kern/
		ctl:     base/ kube/ web/ pgwire/ sql/ policy/ record/ kern/ net/tls.h net/worker.h
		main:    base/ kube/ web/ pgwire/ value/ sql/ mask/ policy/ record/ session/ kern/ net/ ctl/ bpf/abi.h
		cli:     base/ web/ sql/ mask/ policy/ record/
		admission: base/
		bpf:     vmlinux.h
		# Exceptions: one header each, with the reason.
		policy:  kube/pod.h        # what a subject may say of a pod, and the caller's
		session: kube/pod.h        # a recording says whose pod it was
		net:     kube/pod.h        # the pod of a caller is looked up and held while its connection lives
		net:     kube/book.h       # likewise
		net:     kube/pod_path.h   # likewise
		cli:     pgwire/message.h  # what a recording holds of a result is the messages that the client got
		cli:     pgwire/frame.h    # likewise
		cli:     value/value.h     # and a binary value in them is shown by its type
		cli:     value/numeric.h   # likewise
		cli:     value/type.h      # likewise
		kern:    bpf/addr.h        # pure inlines that the kernel side shares with the host
		kern:    bpf/splice.h      # likewise, and what its program and kern/splice.c tell each other
		net:     bpf/splice.h      # the windows that kern/splice.h takes
		kern:    bpf/unix_name.h   # likewise
		net:     policy/caller.h   # net fills in who is asking, the session judges by it: a type that is passed through
		net:     policy/policy.h   # the policy is handed to sessions, and says which host names to resolve
		net:     bpf/abi.h         # the flow record that kern/flow.h hands out
		net:     pgwire/put.h      # SSLRequest and CancelRequest are written while no session owns the connection
		net:     sql/slot.h        # the slot that a session reads its catalogue from is found by the worker
		ctl:     bpf/abi.h         # the states that kern/loader.h takes
		ctl:     session/scribe.h  # what a session writes down through, which the recorder is
		ctl:     mask/hmac.h       # what makes the tokens of a recording
		ctl:     net/netns.h       # enrolment opens a namespace's listeners
		ctl:     net/listener.h    # and hands them to the workers
		ctl:     session/desk.h    # what sessions ask of approvals
		ctl:     mask/hmac.h       # of what is kept of a statement
		admission: net/tls.h       # the one door to TLS
		admission: web/request.h   # the one reader of what others ask of us by HTTP
	TABLE
}

# header as it is included, or the end of its path (a trailing * matches the rest): the only files that may.
doors() {
	cat <<-'DOORS'
		pg_query.h:       sql/parse.c
		pg_query.pb-c.h:  sql/
		openssl/ssl.h:    net/tls.c
		bpf/libbpf.h:     kern/
		bpf/bpf.h:        kern/
		pgveil.skel.h:    kern/
		pgveil_splice.skel.h: kern/splice.c
		yaml.h:           policy/
		curl/*:           cli/client.c web/http.c
		pcre2.h:          mask/regex.c
		zstd.h:           record/pack.c
		sqlite3.h:        record/index.c record/index_take.c record/index_find.c ctl/approval_store.c
		event2/*:         net/ ctl/ admission/server.c admission.c
		base/log.h:       base/log.c net/ kern/ ctl/ main.c main/ admission.c
	DOORS
}

# Files to judge and their include lines, as "path<TAB>line<TAB>quote<TAB>header".
includes() {
	local f
	find userspace bpf -name '*.[ch]' 2> /dev/null | sort | while read -r f; do
		awk -v f="$f" 'match($0, /^[ \t]*#[ \t]*include[ \t]*["<][^">]+/) {
			h = substr($0, RSTART, RLENGTH); sub(/^[^"<]*/, "", h)
			printf "%s\t%d\t%s\t%s\n", f, FNR, substr(h, 1, 1), substr(h, 2) }' "$f"
	done
}

check_includes() {
	awk -F '\t' -v files="$(find userspace bpf -name '*.[ch]' 2> /dev/null)" '
	function breach(why) { printf "%s:%d: %s\n", $1, $2, why }
	BEGIN { n = split(files, f, "\n"); for (i = 1; i <= n; i++) exists[f[i]] = 1 }
	FILENAME == ARGV[1] { # the table
		sub(/#.*/, "")
		if (!match($0, /^[a-z]+:/)) next
		layer = substr($0, 1, RLENGTH - 1); layers[layer] = 1
		n = split(substr($0, RLENGTH + 1), headers, " ")
		for (i = 1; i <= n; i++) may[layer, headers[i]] = 1
		next
	}
	FILENAME == ARGV[2] { # the doors
		n = split($0, d, ":"); gsub(/[ \t]/, "", d[1]); sub(/^ */, "", d[2]); door[d[1]] = d[2]; next
	}
	{
		file = $1; quote = $3; h = $4
		short = file; sub(/^userspace\//, "", short)
		if (file ~ /^bpf\//) layer = "bpf"
		else if (short == "main.c") layer = "main"
		else if (short == "cli.c") layer = "cli"
		else if (short == "admission.c") layer = "admission"
		else { layer = short; sub(/\/.*/, "", layer) }
		if (!(layer in layers)) { if (!said[layer]++) breach("layer " layer " is not in the table"); next }

		if (file ~ /^userspace\/.*\.c$/ && file != last) {
			own = inner = short; sub(/c$/, "h", own); sub(/\.c$/, "_internal.h", inner)
			if (("userspace/" own) in exists && h != own && h != inner) breach("the first include must be its own header, \"" own "\"")
		}
		last = file

		for (p in door) {
			stem = p
			if (p == h || (length(h) > length(p) && substr(h, length(h) - length(p)) == "/" p) || (sub(/\*$/, "", stem) && index(h, stem) == 1)) {
				m = split(door[p], at, /[ ,]+/); ok = layer == "bpf"
				for (i = 1; i <= m; i++)
					ok = ok || at[i] == short || (at[i] ~ /\/$/ && index(short, at[i]) == 1)
				if (!ok) breach(h " belongs behind its one door: " door[p])
			}
		}

		if (quote != "\"") next
		if (layer == "bpf" && h ~ /^bpf\//) next
		to = h; sub(/\/.*/, "", to)
		if (h !~ /\// && h != "vmlinux.h" && h !~ /\.skel\.h$/) { breach("\"" h "\" is written without its layer"); next }
		if (!(to in layers) && h ~ /\//) next # of a library, in quotes
		if (to == layer) { if (!(("userspace/" h) in exists)) breach("\"" h "\" does not exist"); next }
		if (!((layer, to "/") in may) && !((layer, h) in may)) breach("layer " layer " may not include \"" h "\"")
	}' <(table) <(doors) <(includes)
}

# A word in backticks is a path when it has a slash and either an ending like a file's, a slash at its end, or begins with a
# folder of ours. Words with <>$… or CAPITALS for a blank are patterns; * must match something. Relative to the root, to
# userspace/ (as includes are written) or to the file that names it.
check_paths() {
	local doc word first line where
	find . -path ./build -prune -o -path ./.git -prune -o \( -name 'README*.md' -o -path ./CONTRIBUTING.md \) -print | sort | while read -r doc; do
		doc=${doc#./}
		awk -v f="$doc" '/^(```|~~~)/ { fence = !fence; next } !fence {
			rest = $0
			while (match(rest, /`[^`]+`/)) {
				n = split(substr(rest, RSTART + 1, RLENGTH - 2), w, /[ \t,;()="'\'']+/)
				for (i = 1; i <= n; i++) print FNR "\t" w[i]
				rest = substr(rest, RSTART + RLENGTH)
			} }' "$doc" | while IFS=$'\t' read -r line word; do
			word=${word%.}
			[[ $word =~ ^\.?[A-Za-z0-9_*.-]+(/[A-Za-z0-9_*.-]+)*/?$ && $word == */* ]] || continue
			[[ ! ${word//README/} =~ [A-Z]{3,} || $word == *CONTRIBUTING.md || $word == *LICENSE ]] || continue
			first=${word%%/*}
			[ "$first" != build ] || continue
			[[ $word == */ || $word =~ \.[a-z]{1,5}$ || -d $first || -d userspace/$first ]] || continue
			for where in . userspace "$(dirname "$doc")"; do
				if [[ $word == *\** ]]; then compgen -G "$where/$word" > /dev/null; else [ -e "$where/$word" ]; fi && continue 2
			done
			echo "$doc:$line: $word does not exist"
		done
	done
}

check() { (cd "$1" && { check_includes; check_paths; }); }

self_test() {
	local dir expected got
	dir=$(mktemp -d)
	# shellcheck disable=SC2064
	trap "rm -rf '$dir'" RETURN
	put() { mkdir -p "$dir/$(dirname "$1")"; printf '%s\n' "${@:2}" > "$dir/$1"; }
	put userspace/base/err.h ''
	put userspace/base/log.h ''
	put userspace/sql/parse.h '#include "base/err.h"'
	put userspace/sql/parse.c '#include "sql/parse.h"' '#include <pg_query.h>' '#include "base/err.h"'
	put userspace/sql/bad.c '#include "sql/parse.h"' '#include <pg_query.h>' '  #  include "pgwire/frame.h"' '#include "base/log.h"'
	put userspace/pgwire/frame.h '#include "err.h"' '#include "pgwire/gone.h"'
	put userspace/pgwire/frame.c '#include "base/err.h"' '#include "pgwire/frame.h"' '#include "value/type.h"'
	put userspace/net/tls.c '#include <openssl/ssl.h>' '#include <event2/event.h>' '#include "policy/caller.h"' '#include "policy/plan.h"'
	put userspace/web/http.c '#include <curl/curl.h>'
	put userspace/ctl/a.c '#include "net/tls.h"' '#include "net/loop.h"'
	put userspace/ctl/b.c '#include <curl/curl.h>' '#include "session/session.h"'
	put userspace/kern/loader.c '#include "pgveil.skel.h"' '#include <bpf/libbpf.h>' '#include "bpf/abi.h"' '#include "sql/slot.h"'
	put userspace/main.c '#include "ctl/admin.h"' '#include <yaml.h>'
	put userspace/cli.c '#include "cli/run.h"' '#include "kern/loader.h"'
	put userspace/cli/run.h '#include "sql/parse.h"'
	put userspace/mask/mask.c '#include "pg_query/pg_query.pb-c.h"'
	put userspace/odd/x.c '#include "base/err.h"'
	put bpf/connect.bpf.c '#include "vmlinux.h"' '#include <bpf/bpf_helpers.h>' '#include "bpf/abi.h"' '#include "base/err.h"'
	# shellcheck disable=SC2016
	put README.md 'See `userspace/sql/parse.c`, `sql/parse.c`, `sql/none.c`, `scripts/none.sh up`, `cgroup/connect4`, `tests/unit/LAYER_X.c`,' \
		'`bpf/*.bpf.c` and `bpf/*.none`, `/etc/passwd`, `build/x.o`.' '```' '`sql/fenced.c`' '```' '`userspace/gone/`'
	# shellcheck disable=SC2016
	put bpf/README.md '`connect.bpf.c/` `abi.h` `connect/none.c`'
	expected='README.md:1: scripts/none.sh does not exist
README.md:1: sql/none.c does not exist
README.md:2: bpf/*.none does not exist
README.md:6: userspace/gone/ does not exist
bpf/README.md:1: connect.bpf.c/ does not exist
bpf/README.md:1: connect/none.c does not exist
bpf/connect.bpf.c:4: layer bpf may not include "base/err.h"
userspace/cli.c:2: layer cli may not include "kern/loader.h"
userspace/ctl/a.c:2: layer ctl may not include "net/loop.h"
userspace/ctl/b.c:1: curl/curl.h belongs behind its one door: cli/client.c web/http.c
userspace/ctl/b.c:2: layer ctl may not include "session/session.h"
userspace/kern/loader.c:4: layer kern may not include "sql/slot.h"
userspace/main.c:2: yaml.h belongs behind its one door: policy/
userspace/mask/mask.c:1: pg_query/pg_query.pb-c.h belongs behind its one door: sql/
userspace/net/tls.c:4: layer net may not include "policy/plan.h"
userspace/odd/x.c:1: layer odd is not in the table
userspace/pgwire/frame.c:1: the first include must be its own header, "pgwire/frame.h"
userspace/pgwire/frame.c:3: layer pgwire may not include "value/type.h"
userspace/pgwire/frame.h:1: "err.h" is written without its layer
userspace/pgwire/frame.h:2: "pgwire/gone.h" does not exist
userspace/sql/bad.c:2: pg_query.h belongs behind its one door: sql/parse.c
userspace/sql/bad.c:3: layer sql may not include "pgwire/frame.h"
userspace/sql/bad.c:4: base/log.h belongs behind its one door: base/log.c net/ kern/ ctl/ main.c main/ admission.c'
	got=$(check "$dir" | LC_ALL=C sort)
	if [ "$got" != "$(LC_ALL=C sort <<< "$expected")" ]; then
		echo "check-layers.sh: the self-test found other breaches than it planted:" >&2
		diff <(LC_ALL=C sort <<< "$expected") <(echo "$got") >&2 || true
		return 1
	fi
}

self_test
[ "${1:-}" != --self-test ] || { echo "check-layers.sh: self-test passed"; exit 0; }
breaches=$(check "${1:-$(dirname "$(realpath "$0")")/..}")
if [ -n "$breaches" ]; then
	echo "$breaches"
	exit 1
fi
echo "layers: clean"
