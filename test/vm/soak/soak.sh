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
traces="$debug/slab/kmalloc-*/alloc_traces"

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

# What counts is what is left when all caches are empty and the load stands still: for each
# caller of kmalloc() the objects that it has. Of several looks the least is told.
allocated() {
	local cache
	pkill -STOP -f soak-load
	sync
	for _ in 1 2 3; do
		echo 3 >/proc/sys/vm/drop_caches
		# KASAN keeps what was freed until then.
		for cache in /sys/kernel/slab/kmalloc-*/shrink; do echo 1 >"$cache"; done
		sleep 0.5
		echo look
		awk 'NF > 1 { split(FILENAME, part, "/"); print "slab", part[6], $2, $1 }' $traces
		# Stacks come and go with the load's processes.
		awk '!/dup_task_struct|alloc_thread_stack|copy_process/ { sum += $2 } END { print "vmalloc", sum }' /proc/vmallocinfo
	done
	pkill -CONT -f soak-load
}

mountpoint -q $debug || mount -t debugfs none $debug
# The first to read them has the kernel allocate something for each, for good.
cat $traces >/dev/null
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
		allocated
	fi
done
echo "done $cycles"
allocated
echo end
