#compdef procrec
# zsh completion for procrec. Commands, options and the words that they take come from the program itself, so nothing here goes stale.

_procrec_commands() {
	local -a rows list
	local row

	rows=("${(@f)$(_call_program commands procrec --completion-helper 2>/dev/null)}")
	for row in $rows; do
		list+=("${row%%$'\t'*}:${row#*$'\t'}")
	done
	_describe -t commands 'procrec command' list
}

_procrec() {
	local -a rows specs field
	local row name help value short action optional cmd=$words[2]

	if (( CURRENT == 2 )) || { (( CURRENT == 3 )) && [[ $cmd == help ]]; }; then
		_procrec_commands
		return
	fi
	rows=("${(@f)$(_call_program options procrec ${(q)cmd} --completion-helper 2>/dev/null)}")
	for row in $rows; do
		field=("${(@s:	:)row}")
		name=$field[1] help=${${field[2]//\[/\\[}//\]/\\]} value=$field[3] short=$field[4]
		case $value in
		*\|*) action="(${value//\|/ })" ;;
		ZONE) action='(utc local)' ;;
		FILE|PATH|DIR|TRACE|NEW|FRAMES|KEY) action=_files ;;
		*) action=' ' ;;
		esac
		if [[ -z $value ]]; then
			specs+=("*${name}[$help]")
			[[ -n $short ]] && specs+=("*-${short}[$help]")
		elif [[ $name == *= ]]; then
			specs+=("*${name}[$help]:$value:$action")
			[[ -n $short ]] && specs+=("*-$short+[$help]:$value:$action")
		else # the value may be left out
			specs+=("*${name}=-[$help]::$value:$action")
		fi
	done
	(( CURRENT-- ))
	shift words
	if [[ $cmd == record ]]; then
		_arguments -S $specs '*::command: _normal'
	else
		_arguments -S $specs '*:file:_files'
	fi
}

_procrec "$@"
