#!/bin/bash
# All checks, whatever fails: formatting and lint, types, then the tests of each
# project. Those on real objects and those in the guest run side by side: the
# guest waits a lot, and compilers do not. The last line is the count of what passed
# and failed.
#
# usage: tests.sh [--kernels]   with the two scenes on other kernels (test/run.sh kernels)

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

run_project() {
	printf '\n== %s\n' "$1"
	npx vitest run --project "$1" \
		--reporter=default --reporter=json --outputFile.json="$results/$1.json" 2>&1
}

check lint npx biome check .
check types npx tsc --noEmit
run_project unit
run_project vm | sed -u 's/^/vm: /' &
run_project real
if [[ ${1-} == --kernels ]]; then
	KSPLICE_TEST_BUILT=yes bash test/run.sh kernels --scenes
fi
wait

projects=(unit real vm)
if [[ ${1-} == --kernels ]]; then
	# Without a list of them something is wrong, and "kernels" is a project that did not run.
	mapfile -t kernels < <(cat "$results/kernels/names" 2>/dev/null)
	((${#kernels[@]})) && projects+=("${kernels[@]/#/kernels/}") || projects+=(kernels)
fi
exec node test/setup/count.mjs "$results" "${projects[@]}"
