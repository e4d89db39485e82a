# SPDX-License-Identifier: MIT
# private-apt.sh, sourced: private_apt DIR SUITE… makes an apt configuration in DIR that reads these suites, with archives, keyring and
# proxy of this machine's own sources, and exports it as APT_CONFIG; the machine's apt stays as it is. A SUITE is Debian's
# name of it, "src:" before it for its sources. Whoever calls it says apt-get update, and what becomes of a suite that is not there.

private_apt() {
	local dir=$1 uris main security s type key=/usr/share/keyrings/debian-archive-keyring.gpg
	uris=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages')
	main=$(grep -m 1 -E '/debian/?$' <<< "$uris") || { echo "no Debian archive among this machine's apt sources" >&2; return 1; }
	security=$(grep -m 1 -E '/debian-security/?$' <<< "$uris") || security=${main%/}-security
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	for s in "${@:2}"; do
		type=deb
		[ "$s" = "${s#src:}" ] || type=deb-src
		case $s in
		*-security) printf '%s [signed-by=%s] %s %s main\n' "$type" "$key" "$security" "${s#src:}" ;;
		*) printf '%s [signed-by=%s] %s %s main\n' "$type" "$key" "$main" "${s#src:}" ;;
		esac
	done > "$dir/sources.list"
	cat > "$dir/apt.conf" <<-CONF
		Dir::Etc::SourceList "$dir/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::State::Lists "$dir/lists";
		Dir::Cache "$dir/cache";
		APT::Sandbox::User "root";
	CONF
	export APT_CONFIG=$dir/apt.conf
}
