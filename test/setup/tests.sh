#!/bin/bash
# All checks, whatever fails: formatting and lint, types, then the tests. Those on
# real objects and those in the guest are in one queue, from which each core takes the
# next file. The last line is the count of what passed and failed. What takes long is
# left to `npm run test:long` (parts.sh).
#
# usage: tests.sh [--kernels]   with the two scenes on other kernels (test/run.sh kernels)

set -uo pipefail
# shellcheck source=/dev/null
. test/setup/parts.sh
results=.work/results
# Another run has its kernels at other random addresses.
rm -rf "$results" .work/booted
mkdir -p "$results"
export KSPLICE_TEST_TIMES=${KSPLICE_TEST_TIMES-$PWD/$results/times}

check() {
	local name=$1
	shift
	printf '\n== %s\n' "$name"
	if "$@"; then echo passed >"$results/$name.check"; else echo failed >"$results/$name.check"; fi
}

# run_tests NAME WORD…: words for vitest
run_tests() {
	local name=$1
	shift
	printf '\n== %s\n' "$name"
	npx vitest run "$@" --reporter=default --reporter=json --outputFile.json="$results/$name.json" 2>&1
}

check lint npx biome check .
check types npx tsc --noEmit
run_tests unit --project unit
# The stock kernel of the release has no such constants: that test is there for others (kernels.sh).
KSPLICE_TEST_WITHOUT="$(left_out | xargs) test/vm/runtime-constants.test.ts" run_tests real+vm --project real --project vm
projects=(unit real+vm)

if [[ ${1-} == --kernels ]]; then
	KSPLICE_TEST_BUILT=yes bash test/run.sh kernels --scenes
	# Without a list of them something is wrong, and "kernels" is a project that did not run.
	mapfile -t names < <(cat "$results/kernels/names" 2>/dev/null)
	((${#names[@]})) && projects+=("${names[@]/#/kernels/}") || projects+=(kernels)
fi
printf '\n'
node test/setup/times.mjs "$results/times" "$SECONDS" || true
exec node test/setup/count.mjs "$results" "${projects[@]}"
