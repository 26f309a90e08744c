#!/bin/bash
# All checks, whatever fails: formatting and lint, types, then the tests. Those on
# real objects and those in the guest are in one queue, from which each core takes the
# next file. The last line is the count of what passed and failed.
#
# usage: tests.sh [--kernels]   with the two scenes on other kernels (test/run.sh kernels)
#
# If more than $KSPLICE_TEST_KERNELS_BY minutes have passed before their turn, the other kernels are
# left out, and more than $KSPLICE_TEST_LATER_BY, some long tests. That is said.

set -uo pipefail
results=.work/results
rm -rf "$results"
mkdir -p "$results"

check() {
	local name=$1
	shift
	printf '\n== %s\n' "$name"
	if "$@"; then echo passed >"$results/$name.check"; else echo failed >"$results/$name.check"; fi
}

# What is least likely to break by a change elsewhere, and takes long: last.
later=(test/vm/{boot,soak,reports,rights}.test.ts test/vm/faults/faults.test.ts test/real/ways-in.test.ts)

# run_tests NAME WORD…: words for vitest
run_tests() {
	local name=$1
	shift
	printf '\n== %s\n' "$name"
	npx vitest run "$@" --reporter=default --reporter=json --outputFile.json="$results/$name.json" 2>&1
}

# in_time MINUTES WHAT: where nothing is cached, all takes twice as long.
in_time() {
	[[ -n $1 ]] && ((SECONDS > 60 * $1)) || return 0
	printf '\nNOT TESTED: %s. %s minutes have passed, and more than %s is too late for them.\n' \
		"$2" "$((SECONDS / 60))" "$1"
	return 1
}

check lint npx biome check .
check types npx tsc --noEmit
run_tests unit --project unit
KSPLICE_TEST_WITHOUT="${later[*]}" run_tests real+vm --project real --project vm
projects=(unit real+vm)
if in_time "${KSPLICE_TEST_LATER_BY-}" "${later[*]}"; then
	run_tests later --project real --project vm "${later[@]}"
	projects+=(later)
fi
kernels=''
if [[ ${1-} == --kernels ]] && in_time "${KSPLICE_TEST_KERNELS_BY-}" 'the other kernels'; then
	kernels=yes
	KSPLICE_TEST_BUILT=yes bash test/run.sh kernels --scenes
fi

if [[ -n $kernels ]]; then
	# Without a list of them something is wrong, and "kernels" is a project that did not run.
	mapfile -t names < <(cat "$results/kernels/names" 2>/dev/null)
	((${#names[@]})) && projects+=("${names[@]/#/kernels/}") || projects+=(kernels)
fi
exec node test/setup/count.mjs "$results" "${projects[@]}"
