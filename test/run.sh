#!/bin/bash
# Runs the tests, the demo or the benchmark on a machine that may have nothing but
# Debian and Node: installs what is missing, says so before, and then runs.
#
# usage: bash test/run.sh test [--kernels]
#        bash test/run.sh demo|faults|setup
#        bash test/run.sh bench [differ [PAIRS] | pause]
#        bash test/run.sh kernels [--scenes] [NAME…]
#        bash test/run.sh newkernel [--suite SUITE] [--without STEP]… RELEASE
#        bash test/run.sh series
#        bash test/run.sh soak [--cycles N]
#        bash test/run.sh chaos [--minutes N] [--seed S] [--append WORDS] [--kernel NAME]
#        bash test/run.sh long [--list] [--turn N] [--within MINUTES] [--slow PERCENT] [NAME…]
#        bash test/run.sh soundness [KIND…]
#        bash test/run.sh mutants [WORD…]
#        bash test/run.sh fuzz [--help]
#        bash test/run.sh fleet FILE…
#        bash test/run.sh corpus [--suite SUITE] --from VERSION --to VERSION [--help]

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for part in test/setup/{say,packages,modules,kernels,corpus}.sh test/kernels/{fetch,self-built,roots,series,new}.sh; do
	# shellcheck source=/dev/null
	. "$part"
done

require_root() {
	[[ $EUID -ne 0 ]] || return 0
	say 'Debian packages have to be installed, and the test guest reads the files of this machine'
	say 'as root. Run this instead:'
	say
	say "    cd $(printf %q "$PWD") && sudo env \"PATH=\$PATH\" bash test/run.sh $1"
	exit 1
}

require_debian() {
	command -v apt-get >/dev/null && [[ $(dpkg --print-architecture) == amd64 ]] ||
		die 'This needs Debian on amd64: it hot-patches the kernel of that distribution.'
}

usage() { die 'usage: bash test/run.sh test|kernels|newkernel|series|long|demo|bench|soak|chaos|soundness|faults|fuzz|corpus|mutants|packages|fleet|setup'; }

main() {
	local task=${1-}
	[[ $task == @(test|kernels|kernel|newkernel|series|series-of-root|long|demo|bench|soak|chaos|soundness|faults|fuzz|corpus|mutants|packages|fleet|setup) ]] || usage
	shift
	require_root "$task"
	require_debian
	require_node
	export KSPLICE_TEST_CACHE=${KSPLICE_TEST_CACHE:-$HOME/.cache/ksplice-ts/test}
	cache=$(mkdir -p "$KSPLICE_TEST_CACHE" && cd "$KSPLICE_TEST_CACHE" && pwd)
	KSPLICE_TEST_CACHE=$cache
	log=$cache/setup.log
	: >"$log"
	export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

	install_missing_packages
	install_node_modules
	# The corpus has kernels of its own, fetched as its options say.
	[[ $task == @(corpus|packages|kernels|kernel|newkernel|series|series-of-root|chaos) ]] || fetch_kernel
	[[ $task != @(test|long|setup|fuzz|bench) ]] || fetch_other_source
	# Guests of other tests may be running what is built.
	[[ -n ${KSPLICE_TEST_BUILT-} || $task == series* ]] || build_tool
	case $task in
	setup) say "All is set up. The kernel to test on is described in $cache/kernel.json." ;;
	test) exec bash test/setup/tests.sh "$@" ;;
	kernels) test_kernels "$@" ;;
	# As test_kernels calls it, in the root of another release.
	kernel) test_kernel "$@" ;;
	newkernel) new_kernel "$@" ;;
	series) test_series ;;
	series-of-root) compile_series "$@" ;;
	demo) exec npx tsx test/demo/demo.ts ;;
	faults) exec env KSPLICE_WRITE_FAULTS=1 npx vitest run --project vm test/vm/faults ;;
	bench) exec npx tsx test/bench/bench.ts "$@" ;;
	mutants) exec npx tsx test/mutants/run.ts "$@" ;;
	chaos)
		choose_named_kernel "$@"
		exec npx tsx test/vm/chaos/run.ts "$@"
		;;
	long) exec bash test/setup/long.sh "$@" ;;
	soundness) exec npx tsx test/soundness/run.ts "$@" ;;
	soak) exec npx tsx test/vm/soak/run.ts "$@" ;;
	fuzz) exec npx tsx test/fuzz/fuzz.ts "$@" ;;
	fleet)
		provide_packages "${fleet_packages[@]}"
		if [[ "$*" == *guests* ]]; then
			unpack_sshd "$cache/sshd"
			# Those guests are of two builds.
			KSPLICE_TEST_OTHER_KERNEL=$(choose_named_kernel --kernel next >&2 && printf %s "$KSPLICE_TEST_CACHE/kernel.json")
			export KSPLICE_TEST_OTHER_KERNEL
		fi
		exec npx vitest run --project fleet "$@"
		;;
	packages) exec bash test/packages/run.sh "$cache" "$@" ;;
	corpus) run_corpus "$@" ;;
	esac
}

main "$@"
