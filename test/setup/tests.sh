#!/bin/bash
# All checks, whatever fails: formatting and lint, types, then the tests of each
# project. Those on real objects and those in the guest run side by side: the
# guest waits a lot, and compilers do not. The last line is the count of what passed
# and failed.

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
wait

exec node test/setup/count.mjs "$results" unit real vm
