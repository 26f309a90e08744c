#!/bin/bash
# All checks, whatever fails: formatting and lint, types, then the tests. Those on
# real objects and those in the guest are in one queue, from which each core takes the
# next file. The last line is the count of what passed and failed.
#
# usage: tests.sh [--kernels]   with the two scenes on other kernels (test/run.sh kernels), unless
#                               more than $KSPLICE_TEST_KERNELS_BY minutes have passed before their turn

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

# run_tests PROJECT…
run_tests() {
	local name
	name=$(IFS=+ && echo "$*")
	printf '\n== %s\n' "$name"
	npx vitest run "${@/#/--project=}" \
		--reporter=default --reporter=json --outputFile.json="$results/$name.json" 2>&1
}

# Where nothing is cached, what comes before takes twice as long, and kernels have to be fetched and built.
in_time() {
	local by=${KSPLICE_TEST_KERNELS_BY-}
	[[ -n $by ]] && ((SECONDS > 60 * by)) || return 0
	printf '\nNOT TESTED: the other kernels. %s minutes have passed, and more than %s is too late for them.\n' \
		"$((SECONDS / 60))" "$by"
	return 1
}

check lint npx biome check .
check types npx tsc --noEmit
run_tests unit
run_tests real vm
kernels=''
if [[ ${1-} == --kernels ]] && in_time; then
	kernels=yes
	KSPLICE_TEST_BUILT=yes bash test/run.sh kernels --scenes
fi

projects=(unit real+vm)
if [[ -n $kernels ]]; then
	# Without a list of them something is wrong, and "kernels" is a project that did not run.
	mapfile -t names < <(cat "$results/kernels/names" 2>/dev/null)
	((${#names[@]})) && projects+=("${names[@]/#/kernels/}") || projects+=(kernels)
fi
exec node test/setup/count.mjs "$results" "${projects[@]}"
