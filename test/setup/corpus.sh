# The corpus run, also for kernels of another release of Debian.

# run_corpus OPTION…: with --suite SUITE in the root of that release, with its kernels and its compiler.
run_corpus() {
	local suite='' options=()
	while (($#)); do
		case $1 in
		--suite=*) suite=${1#*=} ;;
		--suite)
			suite=${2-}
			shift
			[[ -n $suite ]] || die '--suite needs the name of a release of Debian.'
			;;
		*) options+=("$1") ;;
		esac
		shift
	done
	[[ -n $suite ]] || exec npx tsx test/corpus/corpus.ts "${options[@]}"
	make_root "$suite" "$cache"
	in_root "$suite" "$cache" env "KSPLICE_TEST_CACHE=$cache/kernels/$suite" KSPLICE_TEST_BUILT=yes \
		bash test/run.sh corpus "${options[@]}"
}
