# bash completion for procrec. Commands and options come from the program itself.
_procrec()
{
	local cur=${COMP_WORDS[COMP_CWORD]} cmd=${COMP_WORDS[1]} IFS=$'\n'

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W "$(procrec --commands 2>/dev/null)" -- "$cur"))
		return
	fi
	case $cur in
	-*)
		COMPREPLY=($(compgen -W "$(procrec "$cmd" --completion-helper 2>/dev/null | cut -f1)" -- "$cur"))
		[ "${#COMPREPLY[@]}" -eq 1 ] && [ "${COMPREPLY[0]: -1}" = = ] && compopt -o nospace
		;;
	*)
		compopt -o filenames
		COMPREPLY=($(compgen -f -- "$cur"))
		;;
	esac
}
complete -F _procrec procrec
