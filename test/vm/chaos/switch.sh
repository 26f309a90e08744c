# The lane of updates: applied and undone by hand, as the tool does it, or by the tool,
# which is killed now and then. A refusal is an outcome like any other, if its cause is one
# that this can bring about.

# What the machine's other lanes, tasks and other updates may cause.
fine_causes='code_busy module_busy probed no_match reserved_text target_not_loaded base_missing stacked livepatched ftrace_busy cpu_offline'
fine_codes='busy aborted no-match target-not-loaded base-missing stacked checks-failed load-failed already-applied not-applied interrupted'

loaded() { [[ -d /sys/module/$1 ]]; }

# In the order of loading: NAME.ko...
unload() {
	local path name tries
	for ((tries = 0; tries < 100; tries++)); do
		for path in $(printf '%s\n' "$@" | tac); do
			name=${path##*/}
			! loaded "${name%.ko}" || rmmod "${name%.ko}" 2>/dev/null
		done
		for path in "$@"; do
			name=${path##*/}
			! loaded "${name%.ko}" || continue 2
		done
		return 0
	done
	wrong "cannot be unloaded: $*"
}

# change ID STAGE: tries again while the code is in use. The outcome is in $outcome.
change() {
	local tries
	for ((tries = 0; tries < 15; tries++)); do
		if { echo "$2" >"$sysfs/$1/stage"; } 2>/dev/null; then
			stage_of "$1"
			outcome=$stage
			[[ $stage != "$2" ]] || return 0
		else
			read -r outcome <"$sysfs/$1/abort_cause"
		fi
		[[ $outcome == code_busy || $outcome == module_busy || $outcome == leaving ]] || break
		sleep 0.05
	done
	[[ " $fine_causes leaving " == *" $outcome "* ]] || wrong "$2 was refused: $outcome"
	return 1
}

apply_by_hand() {
	local module
	# Nothing could be bound to it.
	if [[ -n ${below[$1]} ]]; then
		stage_of "${below[$1]}"
		outcome=base_missing
		[[ $stage == applied ]] || return
	fi
	# What a tool that was killed has left.
	unload ${old[$1]} ${new[$1]}
	loaded ksplice || insmod "$core" || wrong 'the core cannot be loaded'
	for module in ${old[$1]} ${new[$1]}; do
		insmod "$module" 2>/dev/null && continue
		outcome="insmod ${module##*/}"
		unload ${old[$1]} ${new[$1]}
		return
	done
	[[ -z ${busy[$1]} ]] || echo "${busy[$1]}" >"$sysfs/$1/allow_busy"
	if change "$1" applied; then
		unload ${old[$1]}
	else
		unload ${old[$1]} ${new[$1]}
	fi
}

undo_by_hand() {
	! change "$1" reversed || unload ${old[$1]} ${new[$1]}
}

toggle() {
	stage_of "$1"
	case $stage in
	applied | leaving) undo_by_hand "$1" ;;
	*) apply_by_hand "$1" ;;
	esac
}

# Which command it is to be, in $command.
next_command() {
	stage_of "$1"
	case $stage in
	applied | leaving) command=(undo "$1") ;;
	*) command=(apply "${archive[$1]}") ;;
	esac
}

# The shell of a tool that was killed ends what it is at.
lock_is_free() {
	[[ ! -e /run/ksplice/lock ]] || flock --timeout 120 /run/ksplice/lock true ||
		wrong 'the lock is not free'
}

# judge_call STATUS ID: what the tool said, against what there is.
judge_call() {
	local said
	said=$(<"$work/said")
	stage_of "$2"
	outcome="${command[0]}: $stage"
	if [[ $1 == 0 ]]; then
		case ${command[0]} in
		apply) [[ $stage == applied ]] || wrong "apply said that it is done, but $2 is $stage" ;;
		undo) [[ $stage == none ]] || wrong "undo said that it is done, but $2 is $stage" ;;
		esac
		return
	fi
	[[ $said =~ \"code\":\"([a-z-]+)\" ]] || wrong "the tool ended with $1: ${said:0:500} $(<"$work/errors")"
	outcome="${command[0]}: ${BASH_REMATCH[1]}"
	[[ " $fine_codes " == *" ${BASH_REMATCH[1]} "* ]] || wrong "${command[0]} $2: ${said:0:800}"
}

call_tool() {
	local status=0
	$tool "${command[@]}" "${@:2}" --json --timeout 3 >"$work/said" 2>"$work/errors" || status=$?
	lock_is_free
	judge_call "$status" "$1"
}

call_and_kill() {
	local status=0 pid
	next_command "$1"
	$tool "${command[@]}" --json --timeout 3 >"$work/said" 2>"$work/errors" &
	pid=$!
	nap "$3"
	kill "-$2" $pid 2>/dev/null
	wait $pid || status=$?
	lock_is_free
	if ((status > 128)); then
		stage_of "$1"
		outcome="${command[0]} killed: $stage"
	else
		judge_call $status "$1"
	fi
}

do_updates() {
	case $1 in
	toggle) toggle "$2" ;;
	tool) next_command "$2" && call_tool "$2" ;;
	try)
		next_command "$2"
		[[ ${command[0]} == undo ]] || call_try "$2"
		;;
	kill) call_and_kill "$2" "$3" "$4" ;;
	view) judge_view ;;
	# Refused while an update needs it.
	core) rmmod ksplice 2>/dev/null ;;
	esac
	judge
}

call_try() {
	local status=0
	$tool apply "${archive[$1]}" --dry-run --json --timeout 3 >"$work/said" 2>"$work/errors" || status=$?
	lock_is_free
	stage_of "$1"
	[[ $stage != applied ]] || wrong "a dry run has applied $1"
	command=(try)
	judge_call "$status" "$1"
}

# What is on top goes first.
undo_all() {
	local tries id n
	for ((tries = 0; tries < 200; tries++)); do
		n=0
		for id in $(printf '%s\n' "${ids[@]}" | tac); do
			stage_of "$id"
			[[ $stage != @(applied|leaving) ]] || { undo_by_hand "$id"; n=1; }
		done
		((n)) || break
	done
	((n == 0)) || wrong "cannot be undone at the end: $id, $outcome: $(<"$sysfs/$id/conflicts")"
	for id in "${ids[@]}"; do unload ${old[$id]} ${new[$id]}; done
	! loaded ksplice || rmmod ksplice || wrong 'the core cannot be unloaded'
}
