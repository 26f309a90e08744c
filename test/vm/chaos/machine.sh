# The other lanes: what happens to a machine while updates come and go. Nearly all of it
# may be refused, for it meets what another lane is doing.

do_tracers() {
	echo nop >$tracing/current_tracer
	[[ $2 != nop ]] || { echo >$tracing/set_ftrace_filter; return; }
	outcome=refused
	{ echo "$3" >$tracing/set_ftrace_filter && echo "$2" >$tracing/current_tracer; } 2>/dev/null &&
		outcome=on
}

do_probes() {
	case $1 in
	unprobe)
		[[ ! -d $tracing/events/chaos ]] || echo 0 >$tracing/events/chaos/enable
		echo >$tracing/kprobe_events
		;;
	optimize) echo "$2" >/proc/sys/debug/kprobes-optimization ;;
	probe)
		outcome=refused
		{ echo "$2:chaos/c$number $3+$4" >>$tracing/kprobe_events &&
			echo 1 >$tracing/events/chaos/c$number/enable; } 2>/dev/null && outcome=on
		;;
	esac
}

do_watchers() {
	outcome=$("$programs/watch" "${@:2}" 2>&1) && outcome=done
}

# alone COMMAND...: not while another lane is in such a command.
alone() {
	local lock status=0
	exec {lock}>"$work/alone"
	flock "$lock"
	"$@" || status=$?
	exec {lock}>&-
	return $status
}

cpu_off() { echo 0 >/sys/devices/system/cpu/cpu$1/online; }

# A thread of pktgen that begins warns if its CPU has gone: the kernel's own fault.
do_cpus() {
	outcome=refused
	{ alone cpu_off "$2"; } 2>/dev/null && outcome=done
	nap "$3"
	echo 1 >/sys/devices/system/cpu/cpu$2/online
}

do_modules() {
	outcome=refused
	case $3 in
	in)
		local how=()
		[[ $2 != pktgen ]] || how=(alone)
		"${how[@]}" modprobe "$2" 2>/dev/null && outcome=done
		;;
	out) rmmod "$2" 2>/dev/null && outcome=done ;;
	esac
}

# As it was before all lanes.
restore_machine() {
	local cpu
	number=0
	do_tracers trace nop
	do_probes unprobe
	do_probes optimize 1
	for cpu in /sys/devices/system/cpu/cpu*/online; do echo 1 >"$cpu" 2>/dev/null; done
	for module in "${modules[@]}"; do rmmod "$module" 2>/dev/null; done
}

# PREEMPT_RT before 6.18 hangs when tasks are throttled: ktimers/0 waits for a lock that one of
# them holds, and it is ktimers/0 that would let it run again.
may_throttle() {
	local major minor
	[[ $(uname -v) == *PREEMPT_RT* ]] || return 0
	IFS=. read -r major minor _ < <(uname -r)
	((major > 6 || (major == 6 && ${minor%%[!0-9]*} >= 18)))
}

# The loads, each twice. Once all share a tenth of a CPU: wherever they are in the kernel, they
# stand still there for long. Once they share a third, so that the rest gets on. Where that hangs,
# they only stand back.
start_loads() {
	local kind speed group=$work/cgroup
	mkdir -p "$group"
	mountpoint -q "$group" || mount -t cgroup2 none "$group" 2>/dev/null
	mkdir -p "$group/slow" "$group/fast"
	{
		echo +cpu >"$group/cgroup.subtree_control"
		if may_throttle; then
			echo '10000 100000' >"$group/slow/cpu.max"
			echo '30000 100000' >"$group/fast/cpu.max"
		else
			echo 1 >"$group/slow/cpu.weight"
			echo 10 >"$group/fast/cpu.weight"
		fi
	} 2>/dev/null
	for kind in forks threads polls sleeps sleeps calls looks; do
		for speed in slow fast; do
			(
				echo 0 >"$group/$speed/cgroup.procs"
				exec nice "$programs/load" "$kind" $((seed + 1))
			) 2>/dev/null &
		done
	done
}

stop_loads() {
	pkill -KILL -x load
	# They need a CPU to die.
	echo max >"$work/cgroup/slow/cpu.max" 2>/dev/null
	while pgrep -x load >/dev/null; do sleep 0.1; done
}
