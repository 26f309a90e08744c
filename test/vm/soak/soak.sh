#!/bin/bash
# Runs in the guest: applies and undoes updates of the core's tests, one after the
# other, while the machine is under load. After each switch the function that was
# replaced is asked which one it is. What goes wrong ends it, with a sentence.
#
# usage: soak.sh UPDATES CYCLES SEED   prints "warm" after the first rotation and "done" at the
#                                      end, each with what the kernel has allocated; who did
#                                      is known to one that was booted with slub_debug=U
#
# A line of UPDATES has seven fields, separated by tabs: id, old-code modules, new-code
# modules, functions that may be busy, file to read, its text before, its text after.

set -uo pipefail
sysfs=/sys/kernel/ksplice
tracing=/sys/kernel/tracing
debug=/sys/kernel/debug
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/allocated.sh"

die() {
	printf 'cycle %s, update %s: %s\n' "$cycle" "$id" "$*"
	exit 1
}

# Tries again while a task passes through the code, as the tool does.
switch() {
	local tries cause
	for ((tries = 0; tries < 200; tries++)); do
		echo "$1" 2>/dev/null >$sysfs/$id/stage && return
		read -r cause <$sysfs/$id/abort_cause
		[[ $cause == code_busy ]] || die "$1: $cause"
		sleep 0.05
	done
	die "$1: still busy: $(<$sysfs/$id/conflicts)"
}

expect() {
	local said
	said=$(<"$file")
	[[ $said == "$1" ]] || die "it says '$said' instead of '$1'"
}

# In the order of loading; what was loaded last goes first.
names() { local path; for path in "$@"; do basename "$path" .ko; done; }

run() {
	local module
	for module in $old $new; do insmod "$module" || die "cannot be loaded"; done
	[[ -z $busy ]] || echo "$busy" >$sysfs/$id/allow_busy
	expect "$before"
	switch applied
	# shellcheck disable=SC2046
	rmmod $(names $old) || die "old code cannot be unloaded"
	expect "$after"
	switch reversed
	expect "$before"
	# shellcheck disable=SC2046
	rmmod $(names $new | tac) || die "new code cannot be unloaded"
}

trace_for_a_while() {
	echo 'core_*' >$tracing/set_ftrace_filter
	echo "$1" >$tracing/current_tracer
	sleep 0.2
	echo nop >$tracing/current_tracer
	echo >$tracing/set_ftrace_filter
}

# The load stands still meanwhile.
tell_allocated() {
	pkill -STOP -f soak-load
	allocated
	pkill -CONT -f soak-load
}

mountpoint -q $debug || mount -t debugfs none $debug
start_counting
mapfile -t updates <"$1"
cycles=$2
RANDOM=$3
tracers=(function function_graph)
# The first to trace makes the kernel's ring buffers grow to their size, for good.
for tracer in "${tracers[@]}"; do trace_for_a_while "$tracer"; done
for ((cycle = 1; cycle <= cycles; cycle++)); do
	IFS=$'\x1f' read -r id old new busy file before after <<<"${updates[(cycle - 1) % ${#updates[@]}]//$'\t'/$'\x1f'}"
	run
	((RANDOM % 12)) || trace_for_a_while "${tracers[RANDOM % 2]}"
	((cycle % 25)) || echo "cycle $cycle"
	if ((cycle == ${#updates[@]})); then
		echo "warm $cycle"
		tell_allocated
	fi
done
echo "done $cycles"
tell_allocated
echo end
