# Words of the set-up: short lines for a person, details in a log that is named on failure.

say() { printf '%s\n' "$*" >&2; }

die() {
	say "$@"
	exit 1
}

# logged WHAT COMMAND…: runs it with all output in $log; on failure shows the end of it.
logged() {
	local what=$1
	shift
	if ! "$@" >>"$log" 2>&1; then
		tail -n 25 "$log" >&2
		die "$what failed; the whole output is in $log"
	fi
}
