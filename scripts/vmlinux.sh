#!/bin/bash
# SPDX-License-Identifier: MIT
# vmlinux.sh: print the trimmed vmlinux.h: of the running kernel's types only those that bpf/ uses, and what these are
# made of. A program that needs another type adds it to `roots`: a struct's name, an enum's name, or one constant of an
# enum without a name.
#
# The kernel's own types are wrapped in preserve_access_index, so that CO-RE moves a field access to where the running
# kernel has it. The contexts of the hooks (struct bpf_...) are not: they are UAPI, their layout never changes, and the
# verifier wants their accesses at constant offsets.
#
# usage: vmlinux.sh [BTF] > vmlinux.h        (or `make -B vmlinux.h`)
set -euo pipefail

roots='
	__u8 __u16 __u32 __u64 __s8 __s16 __s32 __s64 __be16 __be32 __be64 __wsum
	bpf_map_type __sk_buff sk_action bpf_sock bpf_sock_addr bpf_sock_ops sock_type
	BPF_ANY BPF_F_NO_PREALLOC BPF_F_MMAPABLE BPF_SK_STORAGE_GET_F_CREATE IPPROTO_TCP
	BPF_SOCK_OPS_TCP_CONNECT_CB BPF_SOCK_OPS_STATE_CB_FLAG BPF_TCP_CLOSE
'

bpftool=$(command -v bpftool || echo /usr/sbin/bpftool)
"$bpftool" btf dump file "${1:-/sys/kernel/btf/vmlinux}" format c | awk -v roots="$roots" '
	# One block: a declaration that begins in the first column, up to the line that ends it.
	function finish(  name, n, i, word, line) {
		if (head ~ /^(struct|union|enum) [A-Za-z0-9_]+ \{/) {
			split(head, word, " ")
			name = word[1] " " word[2]
			tagged[word[2]] = name
		} else if (head ~ /^typedef /) {
			name = head
			sub(/;.*/, "", name)
			sub(/.* /, "", name)
		} else if (head ~ /^enum \{/) {
			name = "enum " blocks
			n = split(text, line, "\n")
			for (i = 2; i < n; i++)
				if (match(line[i], /[A-Za-z0-9_]+/))
					owner[substr(line[i], RSTART, RLENGTH)] = name
		} else
			return
		if (name in body)
			return
		order[++blocks] = name
		body[name] = text
	}
	function want(name,  words, n, i) {
		if (name in wanted || !(name in body))
			return
		wanted[name] = 1
		n = split(body[name], words, /[^A-Za-z0-9_]+/)
		for (i = 2; i <= n; i++)
			want(words[i - 1] ~ /^(struct|union|enum)$/ ? words[i - 1] " " words[i] : words[i])
	}
	/^[a-z]/ { head = $0; text = ""; open = 1 }
	open { text = text $0 "\n" }
	open && (/^}.*;$/ || (/;$/ && $0 == head)) { finish(); open = 0 }
	END {
		n = split(roots, root, /[ \t\n]+/)
		for (i = 1; i <= n; i++) {
			if (root[i] == "")
				continue
			name = root[i] in owner ? owner[root[i]] : root[i] in tagged ? tagged[root[i]] : root[i]
			if (!(name in body)) {
				print "vmlinux.sh: this kernel has no " name > "/dev/stderr"
				exit 1
			}
			want(name)
		}
		print "/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */"
		print "/* vmlinux: the kernel types that bpf/ uses, and no others. A type catalogue, not a dependency on one kernel."
		print " * Made by `make -B vmlinux.h` (scripts/vmlinux.sh: bpftool btf dump, trimmed); never edited by hand. */"
		print "#ifndef __VMLINUX_H__"
		print "#define __VMLINUX_H__"
		for (pass = 0; pass < 2; pass++) {
			core = 0
			for (i = 1; i <= blocks; i++) {
				name = order[i]
				if (!(name in wanted))
					continue
				kernel = body[name] ~ /^(struct|union)/ && name !~ /^[a-z]+ bpf_/
				if (kernel != pass)
					continue
				if (kernel && !core++)
					print "\n#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)"
				printf "\n%s", body[name]
			}
			if (core)
				print "\n#pragma clang attribute pop"
		}
		print "\n#endif"
	}
'
