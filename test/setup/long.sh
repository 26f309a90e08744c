#!/bin/bash
# The long tests, part by part (parts.sh). Whatever fails, the rest is run; the last lines say how
# each ended, and what was not run. The results stand beside those of `npm test`.
#
# usage: long.sh [--list] [--turn N] [--within MINUTES] [--slow PERCENT] [NAME…]
#
#   --turn     begins with the parts of this turn: 1, 2 or 3, and so on round. Three turns in a row
#              have begun with each part
#   --within   begins no part that would not be done by then
#   --slow     how much longer this machine takes than parts.sh says

set -uo pipefail
# shellcheck source=/dev/null
. test/setup/parts.sh
export KSPLICE_TEST_BUILT=yes
results=.work/results
within='' turn=1 slow=100 names=()

usage() {
	sed -n '5s/^# //p' "$0" >&2
	exit 2
}

number() { [[ ${1-} =~ ^[0-9]+$ ]] && printf %s "$1" || usage; }

while (($#)); do
	case $1 in
	--list)
		parts
		exit
		;;
	--turn | --within | --slow)
		printf -v "${1#--}" %s "$(number "${2-}")" || exit 2
		shift
		;;
	-*) usage ;;
	*) names+=("$1") ;;
	esac
	shift
done

# in_order: the parts, those of the turn first.
in_order() {
	local i
	for i in 0 1 2; do parts | awk -v turn=$(((turn + i + 2) % 3 + 1)) '$1 == turn'; done
	parts | awk '$1 == "-"'
}

seconds_left() { printf %s $((60 * within - SECONDS)); }

# run_part NAME KIND WORD…: its result is a report of vitest's, or a word in NAME.check.
run_part() {
	local name=$1 kind=$2 report=$results/long-$1.json
	shift 2
	local vitest=(npx vitest run --project "${1-}" --reporter=default --reporter=json)
	case $kind in
	only | more) KSPLICE_TEST_LONG=yes limited "${vitest[@]}" "--outputFile.json=$report" "${@:2}" ;;
	kernel)
		KSPLICE_TEST_LONG=yes limited bash test/run.sh kernels "$1"
		local status=$?
		cp "$results"/kernels/*.json "$report" 2>/dev/null
		return $status
		;;
	run) limited bash test/run.sh "$@" ;;
	esac
}

# limited COMMAND…: ends it at $limit seconds from now, if there is a limit.
limited() {
	[[ -n $limit ]] || {
		"$@"
		return
	}
	timeout --kill-after=30 "$limit" "$@"
}

mkdir -p "$results"
rm -f "$results"/long-*
passed=() failed=() left=()
while read -r its_turn minutes name kind words <&3; do
	[[ ${#names[@]} == 0 || " ${names[*]} " == *" $name "* ]] || continue
	need=$((minutes * 60 * slow / 100))
	limit=''
	if [[ -n $within && $its_turn == - ]]; then
		left+=("$name: only without --within")
		continue
	elif [[ -n $within ]]; then
		if (($(seconds_left) < need)); then
			left+=("$name: it takes $((need / 60)) minutes, $(($(seconds_left) / 60)) are left")
			continue
		fi
		limit=$(seconds_left)
		# One that stands still must not take the time of all others.
		((limit < 3 * need)) || limit=$((3 * need))
	fi
	printf '\n== %s: %s %s (%s minutes)\n' "$name" "$kind" "$words" "$((need / 60))"
	# If all of this is stopped, a part that was begun and has no result has failed.
	[[ $kind == run ]] && echo failed >"$results/long-$name.check" || touch "$results/long-$name.begun"
	began=$SECONDS
	# shellcheck disable=SC2086
	run_part "$name" "$kind" $words
	status=$?
	took="$(((SECONDS - began) / 60)) minutes $(((SECONDS - began) % 60)) seconds"
	if [[ $status == @(124|137) && -n $limit ]] && ((limit < 2 * need)); then
		# It had less than twice its time: nothing is known of it. A part that stands still had more.
		rm -f "$results/long-$name".*
		left+=("$name: not at its end after $took")
	elif ((status == 0)); then
		[[ $kind != run ]] || echo passed >"$results/long-$name.check"
		passed+=("$name: $took")
	else
		# Also if each of its tests passed, and something went wrong between them.
		echo failed >"$results/long-$name.check"
		failed+=("$name: $took, status $status")
	fi
done 3< <(in_order)

printf '\n'
((${#passed[@]} == 0)) || printf 'passed   %s\n' "${passed[@]}"
((${#failed[@]} == 0)) || printf 'FAILED   %s\n' "${failed[@]}"
((${#left[@]} == 0)) || printf 'NOT RUN  %s\n' "${left[@]}"
if ((${#left[@]})); then
	printf 'What was not run: npm run test:long --'
	printf ' %s' "${left[@]%%:*}"
	printf '\n'
fi
((${#failed[@]} == 0))
