#!/usr/bin/zsh -f
# Types command lines into an interactive zsh with the completion of the package, and looks at what
# the Tab key makes of them.
#
# usage: completion.zsh DIRECTORY (with the file _ksplice-ts)

zmodload zsh/zpty
zpty shell zsh -f
trap 'zpty -d shell' EXIT
# The end is in two parts, or the line itself would be taken for it when it is echoed.
zpty -w shell "PROMPT= fpath=(${(q)1} \$fpath); autoload -Uz compinit; compinit -u -D
line() { print -r -- \"<<\$BUFFER>>\"; BUFFER=; zle .accept-line }; zle -N line; bindkey ^X line
zstyle ':completion:*' list-prompt ''; LISTMAX=999; COLUMNS=200; print REA''DY"
wait_for() {
	local chunk
	seen=
	while [[ $seen != *$~1* ]]; do
		zpty -r -t shell chunk && seen+=$chunk && continue
		(( ++waited < 300 )) || { print -u2 "no $1 in: $seen"; exit 1 }
		sleep 0.1
	done
}
integer waited
wait_for READY

# becomes LINE EXPECTED: the line after Tab.
becomes() {
	waited=0
	zpty -w -n shell "$1"$'\t\x18'
	wait_for '<<*>>'
	local line=${${seen#*<<}%%>>*}
	[[ $line == "$2" ]] || { print -u2 "FAILED: '$1' became '$line', and not '$2'"; exit 1 }
}
# offers LINE WORD…: what it lists where there is a choice.
offers() {
	becomes "$1" "$2"
	shift 2
	for word; do
		[[ $seen == *$word* ]] || { print -u2 "FAILED: no $word in $seen"; exit 1 }
	done
}
becomes 'ksplice-ts crea' 'ksplice-ts create '
becomes 'ksplice-ts status --prom' 'ksplice-ts status --prometheus '
offers 'ksplice-ts un' 'ksplice-ts un' undo uninstall
# The options of each command, as the manual page has them in its own words.
for name in ${(f)"$(sed -n "s/^    '\([a-z]*\):.*/\1/p" "$1/_ksplice-ts")"}; do
	offers "ksplice-ts $name --" "ksplice-ts $name --" --json 'Print one JSON object'
	[[ $seen != *_arguments:* ]] || { print -u2 "FAILED: $seen"; exit 1 }
done
touch "$1/only-this-file.gz"
becomes "ksplice-ts apply $1/only-th" "ksplice-ts apply $1/only-this-file.gz "
becomes "ksplice-ts create --patch $1/only-th" "ksplice-ts create --patch $1/only-this-file.gz "
print 'completion in zsh: good'
