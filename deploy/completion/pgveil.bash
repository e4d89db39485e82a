# SPDX-License-Identifier: MIT
# Completion of pgveil and pgveild for bash. The words come from the programs' own help, so that they cannot differ from it.
_pgveil_words() { # PROGRAM ARGUMENT...: the options of its help: those of its usage line, and those that begin a line
	"$@" 2> /dev/null | grep -oE '^[uU]sage: .*|^  --[a-z-]+' | grep -oE -- '--[a-z][a-z-]+' | sort -u
}

_pgveil() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]} command= i words
	COMPREPLY=()
	case $prev in
	--run-dir | --pin-dir | --cgroup-root | --state-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--policy | --schema | --netns | --against) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--uid) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
	--gid) mapfile -t COMPREPLY < <(compgen -g -- "$cur"); return ;;
	--splice) mapfile -t COMPREPLY < <(compgen -W 'auto off force' -- "$cur"); return ;;
	--recordings) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--key | --signer | --output | --credentials | --ca | --ship-credentials | --ship-ca) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--format) mapfile -t COMPREPLY < <(compgen -W 'jsonl asciicast html' -- "$cur"); return ;;
	--verdict) mapfile -t COMPREPLY < <(compgen -W 'allow deny ask' -- "$cur"); return ;;
	--ship-full) mapfile -t COMPREPLY < <(compgen -W 'refuse remove' -- "$cur"); return ;;
	--log-level) mapfile -t COMPREPLY < <(compgen -W 'error warn info debug' -- "$cur"); return ;;
	esac
	if [ "${program##*/}" = pgveild ]; then
		[[ $cur != -* ]] || mapfile -t COMPREPLY < <(compgen -W "$(_pgveil_words "$program" --help)" -- "$cur")
		return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--run-dir | --pin-dir) i=$((i + 1)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	if [ -z "$command" ] && [[ $cur == -* ]]; then
		words='--run-dir --pin-dir --json --help'
	elif [ -z "$command" ] || { [ "$command" = help ] && [ $((i + 1)) -eq "$COMP_CWORD" ]; }; then
		words="help $("$program" help 2> /dev/null | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')"
	elif [ "$command" = policy ] && [ $((i + 1)) -eq "$COMP_CWORD" ]; then
		words='check test explain learn'
	elif [ "$command" = sessions ] && [ $((i + 1)) -eq "$COMP_CWORD" ] && [[ $cur != -* ]]; then
		words='ls show replay export tail verify fetch kill'
	elif [ "$command" = approvals ] && [[ $cur != -* ]]; then
		words='ls show approve deny'
	elif [ "$command" = grants ] && [[ $cur != -* ]]; then
		words='ls revoke'
	elif [ "$command" = token ] && [[ $cur != -* ]]; then
		words='new'
	elif [ "$command" = splice ] && [[ $cur != -* ]]; then
		words='on off'
	elif [[ $cur == -* ]] && [ "$command" = policy ]; then
		words="$(_pgveil_words "$program" policy "${COMP_WORDS[i + 1]}" --help)"
	elif [[ $cur == -* ]]; then
		words="$(_pgveil_words "$program" help "$command") --run-dir --pin-dir --json --help"
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _pgveil pgveil pgveild
