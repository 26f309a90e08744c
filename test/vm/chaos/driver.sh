#!/bin/bash
# Runs in the guest: does what the plan says (plan.ts), in all lanes at once, until the time is
# over; then puts everything back and looks what is left. Each action and what came of it is
# a record of the kernel log, so that it is on the console when the kernel dies.
#
# usage: driver.sh DIRECTORY SECONDS SEED TOOL...   the directory has the table of updates and
#                                                   the lanes; prints "WRONG: ..." and fails, or
#                                                   what the kernel has allocated before and after

set -uo pipefail
# Job control: what is started in the background can be interrupted.
set -m
here=$(dirname "${BASH_SOURCE[0]}")
sysfs=/sys/kernel/ksplice
tracing=/sys/kernel/tracing
work=$1
seconds=$2
seed=$3
tool="${*:4}"
programs=$work/bin
for part in judge switch machine; do
	# shellcheck source=/dev/null
	. "$here/$part.sh"
done
# shellcheck source=/dev/null
. "$here/../soak/allocated.sh"

# Shown on the console whatever is quiet: the harness knows them.
log() { printf '<3>chaos: %s\n' "$*" >/dev/kmsg; }

wrong() {
	log "WRONG: ${lane-}: $*"
	echo "WRONG: ${lane-}: ${action-}: $*"
	touch "$work/stop"
	exit 1
}

# In milliseconds.
nap() {
	local fraction
	printf -v fraction '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
	sleep "$fraction"
}

# A line: id, old-code modules, new-code modules, functions that may be busy, archive, module,
# question, the update below.
read_updates() {
	local id
	ids=()
	modules=(pktgen)
	declare -gA old=() new=() busy=() archive=() asks=() below=()
	while IFS=$'\x1f' read -r id a b c d e f g; do
		ids+=("$id")
		old[$id]=$a new[$id]=$b busy[$id]=$c archive[$id]=$d asks[$id]=$f below[$id]=$g
		[[ -z $e ]] || modules+=("$e")
	done < <(tr '\t' '\037' <"$work/updates")
	core=$work/ksplice.ko
}

# run_lane NAME: until the time is over, or another lane found something wrong.
run_lane() {
	local words
	lane=$1
	set -m
	# A lane that fails ends the others.
	trap '(($? == 0)) || touch "$work/stop"' EXIT
	while ((SECONDS < until)) && [[ ! -e $work/stop ]] &&
		read -r -u "${plans[$lane]}" number pause words; do
		nap "$pause"
		action="$number $words"
		log "$lane $action"
		outcome=done
		# shellcheck disable=SC2086
		"do_$lane" $words
		log "$lane $number: ${outcome//$'\n'/ }"
	done
}

# run_for SECONDS: everything at once, and then nothing any more.
run_for() {
	local one pids=() failed=0
	until=$((SECONDS + $1))
	for module in "${modules[@]}"; do modprobe "$module" 2>/dev/null; done
	start_loads
	for one in "${!plans[@]}"; do
		(run_lane $one) &
		pids+=($!)
	done
	for one in "${pids[@]}"; do wait "$one" || failed=1; done
	((failed == 0)) || exit 1
	lane=end
	restore_machine
	log 'end: undo all'
	undo_all
	stop_loads
	log 'end: judge'
	judge
	judge_end
	log 'end: nothing is left'
}

# The guest has no udev, which makes it.
[[ -e /dev/fd ]] || ln -s /proc/self/fd /dev/fd
read_updates
# Open once: the second part of the time goes on where the first ended.
declare -A plans=()
for lane in updates tracers probes watchers cpus modules; do
	exec {plan}<"$work/lane-$lane"
	plans[$lane]=$plan
done
mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
start_counting
# What is allocated once, for good, is there after this.
run_for $((seconds / 4))
echo warm
allocated
run_for $((seconds * 3 / 4))
echo done
allocated
echo end
