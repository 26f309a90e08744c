#!/bin/bash
# All checks, one after another, whatever fails: formatting and lint, types, then
# the tests of each project. The last line is the count of what passed and failed.

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

check lint npx biome check .
check types npx tsc --noEmit
for project in unit real vm; do
	printf '\n== %s\n' "$project"
	npx vitest run --project "$project" \
		--reporter=default --reporter=json --outputFile.json="$results/$project.json"
done

exec node test/setup/count.mjs "$results" unit real vm
