# fish completion for procrec. Commands, options and the words that they take come from the program itself, so nothing here goes stale.

function __procrec_complete
    set -l before (commandline -opc)
    set -l token (commandline -ct)
    if test (count $before) -eq 1; or test (count $before) -eq 2 -a "$before[2]" = help
        procrec --completion-helper 2>/dev/null
        return
    end
    if contains -- -- $before
        return
    end
    for row in (procrec $before[2] --completion-helper 2>/dev/null)
        set -l field (string split \t -- $row)
        set -l name (string replace -r '=$' '' -- $field[1])
        set -l words
        switch "$field[3]"
            case '*|*'
                set words (string split '|' -- $field[3])
            case ZONE
                set words utc local
        end
        if string match -q -- "$name=*" $token
            for word in $words
                printf '%s\n' "$name=$word"
            end
        else if test "$before[-1]" = "$name"; and string match -q -- '*=' $field[1]
            printf '%s\n' $words
        else if string match -q -- '-*' $token
            printf '%s\t%s\n' $field[1] $field[2]
            test -n "$field[4]"; and printf '%s\t%s\n' "-$field[4]" $field[2]
        end
    end
end

function __procrec_wants_no_file
    set -l before (commandline -opc)
    test (count $before) -eq 1; or test (count $before) -eq 2 -a "$before[2]" = help
end

complete -c procrec -n __procrec_wants_no_file -f
complete -c procrec -a '(__procrec_complete)'
