# The VM tests on other kernels than the newest of the release's own series: the next
# series, the flavour for clouds, the real-time one, those that are built here, and those of
# another release of Debian. Each has a cache of its own; what is compiled for it stays in the
# cache of create.

# other_kernels OWN: prints "NAME SERIES FLAVOUR SUITE" of each, "-" for what is not special.
other_kernels() {
	local own=${1#linux-source-} series suite
	series=$(newest_series "$own")
	[[ -z $series ]] || printf '%s %s - -\n' "$series" "$series"
	printf '%s-cloud - cloud -\n' "$own"
	printf 'rt - rt -\n'
	printf '%s - - -\n' $(self_built_kernels)
	for suite in $(other_suites); do
		printf '%s - - %s\n' "$suite" "$suite"
		printf '%s-cloud - cloud %s\n' "$suite" "$suite"
		printf '%s-rt - rt %s\n' "$suite" "$suite"
		printf '%s-newest newest - %s\n' "$suite" "$suite"
		printf '%s-newest-rt newest rt %s\n' "$suite" "$suite"
	done
}

# What is tested on a kernel. The small ones have not all that the features of new-code and the
# tunnel of module are made of.
tests_of() {
	printf 'test/vm/%s\n' sctp tcp
	# Only there the core's shadow variables are used, and stacks are counted.
	[[ $1 != self-built ]] || printf 'test/vm/%s\n' hooks.test.ts exiting.test.ts
	[[ -z $only_scenes ]] || return 0
	# The core's own tests have functions that begin as gcc makes them: with a jump label, say.
	[[ $1 != self-built-clang ]] || return 0
	printf 'test/vm/%s\n' core
	case $1 in
	self-built) printf 'test/vm/%s\n' late ;;
	debug) printf 'test/vm/%s\n' reports soak.test.ts ;;
	*) printf 'test/vm/%s\n' new-code runtime-constants check module exiting probes sealed-keys ;;
	esac
}

# kernel.json in $KSPLICE_TEST_CACHE describes the kernel; one that is built here is made of the
# source of the one to test on.
provide_kernel() {
	if [[ -f test/kernels/$1.config ]]; then
		fetch_kernel
		set -- "$1" "$(kernel_field source)" "$(kernel_field version)"
		cache=$KSPLICE_TEST_CACHE
		provide_self_built "$@"
	else
		cache=$KSPLICE_TEST_CACHE
		fetch_kernel
	fi
}

# called NAME SERIES FLAVOUR SUITE: a word for it that has no version in it.
called() {
	[[ $4 == - ]] || set -- "$1" - -
	[[ $2 == - ]] || set -- next
	[[ ${3--} == - || $1 == next ]] || set -- "$3"
	printf %s "$1"
}

# chosen_kernels OWN [NAME…]: lines as of other_kernels; NAME may be what a kernel is called.
chosen_kernels() {
	local own=$1 name series flavour suite
	shift
	while read -r name series flavour suite; do
		(($# == 0)) || [[ " $* " == *" $name "* || " $* " == *" $(called "$name" "$series" "$flavour" "$suite") "* ]] || continue
		# Too long for what is run beside all other tests.
		[[ $suite == - || -z ${only_scenes-} || $# != 0 ]] || continue
		# Only if it is asked for: its source is another one.
		[[ $name != *rt || $# != 0 ]] || continue
		# Both scenes alone are not worth their build.
		[[ $name != @(debug|self-built-clang) || -z ${only_scenes-} || $# != 0 ]] || continue
		printf '%s\n' "$name $series $flavour $suite"
	done < <(other_kernels "$own")
}

# choose_kernel OWN_CACHE NAME SERIES FLAVOUR [SUITE]: what all that follows works on.
choose_kernel() {
	export KSPLICE_TEST_CACHE=$1/kernels/$2
	[[ $3 == - ]] || export KSPLICE_TEST_SERIES=$3
	[[ $4 == - ]] || export KSPLICE_TEST_FLAVOUR=$4
	[[ $4 != cloud ]] || install_virtiofsd
	mkdir -p "$KSPLICE_TEST_CACHE"
	provide_kernel "$2"
}

# no_kernel OWN NAME…: ends with the names that there are.
no_kernel() {
	die "There is no kernel ${*:2}. There are: $(other_kernels "$1" | awk '{ printf "%s ", $1 }')"
}

# choose_named_kernel [OPTION...]: the one that --kernel NAME is for; the one of the release's own if
# there is no such option, or if it is "stock".
choose_named_kernel() {
	local kernels fields name=stock
	while (($#)); do
		case $1 in
		--kernel) name=${2-} ;;
		--kernel=*) name=${1#*=} ;;
		esac
		shift
	done
	if [[ $name == stock ]]; then
		fetch_kernel
		return
	fi
	update_package_lists
	mapfile -t kernels < <(chosen_kernels "$(source_package)" "$name")
	((${#kernels[@]} == 1)) || no_kernel "$(source_package)" "$name"
	read -r -a fields <<<"${kernels[0]}"
	[[ ${fields[3]} == - ]] || die "$name is a kernel of another release of Debian: npm run test:kernels -- $name"
	choose_kernel "$cache" "${fields[@]}"
}

# test_kernels [--scenes] [NAME…]: all of them, or those named; --scenes leaves the two
# scenes of all that is tested, without tracing. The last line is the count of what passed and failed.
test_kernels() {
	local name series flavour suite own_cache=$cache own only_scenes='' kernels names tests
	if [[ ${1-} == --scenes ]]; then
		only_scenes=yes
		export KSPLICE_TEST_SCENES=plain
		shift
	fi
	update_package_lists
	own=$(source_package)
	mapfile -t kernels < <(chosen_kernels "$own" "$@")
	((${#kernels[@]})) || no_kernel "$own" "$@"
	rm -rf .work/results/kernels
	mkdir -p .work/results/kernels
	names=("${kernels[@]%% *}")
	# What is not reached counts as failed.
	printf '%s\n' "${names[@]}" >.work/results/kernels/names
	while read -r name series flavour suite <&3; do
		mapfile -t tests < <(tests_of "$name")
		if [[ $suite == - ]]; then
			(test_kernel "$own_cache" "$name" "$series" "$flavour" "${tests[@]}") || true
		else
			(make_root "$suite" "$own_cache" &&
				in_root "$suite" "$own_cache" bash test/run.sh kernel \
					"$own_cache" "$name" "$series" "$flavour" "${tests[@]}") </dev/null || true
		fi
	done 3< <(printf '%s\n' "${kernels[@]}")
	node test/setup/count.mjs .work/results/kernels "${names[@]}"
}

# test_kernel OWN_CACHE NAME SERIES FLAVOUR TEST…
test_kernel() {
	local name=$2
	choose_kernel "${@:1:4}"
	printf '\n== %s: %s\n' "$name" "$(kernel_field release)"
	# The first is only on kernels before 6.6: the stock one shows it. The second is the same on all.
	KSPLICE_TEST_KERNEL=$name KSPLICE_TEST_WITHOUT='test/vm/core/room.test.ts test/vm/apt.test.ts' npx vitest run --project vm --reporter=default --reporter=json \
		--outputFile.json=".work/results/kernels/$name.json" "${@:5}"
}
