# bash completion for procrec. Commands, options and the words that they take come from the program itself, so nothing here goes stale.

# __procrec_words HELPER-LINES OPTION: the words that the option's value may be; nothing where it is a file or anything else
__procrec_words()
{
	local name help value

	while IFS=$'\t' read -r name help value _; do
		[ "${name%=}" = "$2" ] || continue
		case $value in
		*'|'*) printf '%s\n' "${value//|/$'\n'}" ;;
		ZONE) printf '%s\n' utc local ;;
		esac
	done <<<"$1"
}

_procrec()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]} rows words option='' i IFS=$'\n'

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ] || { [ "$COMP_CWORD" -eq 2 ] && [ "$cmd" = help ]; }; then
		COMPREPLY=($(compgen -W "$(procrec --completion-helper 2>/dev/null | cut -f1)" -- "$cur"))
		return
	fi
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = -- ]; then # the command that is recorded
			COMPREPLY=($(compgen -c -f -- "$cur"))
			return
		fi
	done
	rows=$(procrec "$cmd" --completion-helper 2>/dev/null)
	if [ "$cur" = = ]; then # --option=, in which = is a word of its own
		option=$prev cur=
	elif [ "$prev" = = ] && [ "$COMP_CWORD" -gt 2 ]; then
		option=${COMP_WORDS[COMP_CWORD-2]}
	elif [ "${prev#--}" != "$prev" ] && [ "${cur#-}" = "$cur" ] && grep -q "^$prev=" <<<"$rows"; then
		option=$prev
	fi
	if [ "$option" ]; then
		words=$(__procrec_words "$rows" "$option")
		if [ "$words" ]; then
			COMPREPLY=($(compgen -W "$words" -- "$cur"))
			return
		fi
	fi
	case $cur in
	-*)
		COMPREPLY=($(compgen -W "$(cut -f1 <<<"$rows")" -- "$cur"))
		[ "${#COMPREPLY[@]}" -eq 1 ] && [ "${COMPREPLY[0]: -1}" = = ] && compopt -o nospace 2>/dev/null
		;;
	*)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur"))
		;;
	esac
}
complete -F _procrec procrec
