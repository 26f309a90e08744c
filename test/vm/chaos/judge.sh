# Whether the code does what the stages say, and the core's files say what the tool does.

# stage_of ID: into $stage; "none" if the core does not know it.
stage_of() {
	stage=none
	[[ ! -r $sysfs/$1/stage ]] || read -r stage 2>/dev/null <"$sysfs/$1/stage" || stage=none
}

# Nobody switches anything while it looks.
judge() {
	local id question answer said
	local -A want=() by=()
	for id in "${ids[@]}"; do
		stage_of "$id"
		question=${asks[$id]}
		: "${want[$question]:=old}"
		[[ $stage == applied ]] || continue
		# One on top of another says its name; so does what is below.
		if [[ $question == loadavg ]]; then
			[[ ${want[$question]} == top ]] || want[$question]=$id
		else
			want[$question]=new
		fi
		by[$question]=$id
	done
	while read -r question answer; do
		[[ -v want[$question] ]] || continue
		[[ $answer != none || -n ${by[$question]-} ]] || continue
		[[ $answer == "${want[$question]}" ]] ||
			wrong "$question answers '$answer' instead of '${want[$question]}'"
	done < <("$programs/ask")
	said=$("$programs/jumps") || wrong "${said//$'\n'/; }"
}

# What the tool tells of all updates must be what the core says.
judge_view() {
	local said id
	said=$($tool view --json 2>&1) || wrong "view: ${said:0:300}"
	for id in "${ids[@]}"; do
		stage_of "$id"
		[[ $stage == none || $said == *"\"id\":\"$id\",\"stage\":\"$stage\""* ]] ||
			wrong "view does not say that $id is $stage: ${said:0:600}"
		[[ $stage != none || $said != *"\"id\":\"$id\""* ]] ||
			wrong "view has $id, which the core has not: ${said:0:600}"
	done
}

# Nothing of ours is left, nor of what watched it.
judge_end() {
	local left
	left=$(echo /sys/module/ksplice*)
	[[ $left == '/sys/module/ksplice*' ]] || wrong "left at the end: $left"
	[[ ! -e $sysfs ]] || wrong "left at the end: $sysfs"
	left=$(cat $tracing/kprobe_events $tracing/enabled_functions /sys/kernel/debug/kprobes/list)
	[[ -z $left ]] || wrong "left at the end: ${left:0:300}"
}
