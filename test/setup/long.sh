#!/bin/bash
# What takes too long for every day: chaos for ten minutes, a long soak, all faults, damaged
# objects, the other kernels. Whatever fails, the rest is run; the last lines say how each ended.

set -uo pipefail
results=()
failed=0

run() {
	printf '\n== %s\n' "$*"
	if bash test/run.sh "$@"; then
		results+=("passed  $*")
	else
		results+=("FAILED  $*")
		failed=1
	fi
}

run chaos --minutes 10
run soak --cycles 200
run faults
run fuzz
export KSPLICE_TEST_BUILT=yes
run kernels
printf '\n'
printf '%s\n' "${results[@]}"
exit $failed
