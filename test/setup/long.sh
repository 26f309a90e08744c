#!/bin/bash
# What takes too long for every day: the core compiled for all series of kernels, chaos for ten minutes, a long soak, all faults, damaged
# objects, the other kernels. Whatever fails, the rest is run; the last lines say how each ended.

set -uo pipefail
results=()
failed=0

run() {
	printf '\n== %s\n' "$*"
	if "$@"; then
		results+=("passed  $*")
	else
		results+=("FAILED  $*")
		failed=1
	fi
}

run bash test/run.sh series
run bash test/run.sh chaos --minutes 10
run bash test/run.sh soak --cycles 200
run bash test/run.sh faults
run bash test/run.sh fuzz
export KSPLICE_TEST_BUILT=yes KSPLICE_TEST_LONG=yes
run npx vitest run --project vm test/vm/chaos.test.ts
run bash test/run.sh kernels
printf '\n'
printf '%s\n' "${results[@]}"
exit $failed
