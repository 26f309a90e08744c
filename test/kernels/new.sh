# A kernel that is new to the tool: everything that tells what differs, step by step, whatever has failed
# before. The last lines say how each step ended, and what the tool said where it failed.
#
# usage: bash test/run.sh newkernel [--suite SUITE] [--without STEP]… RELEASE
#
# RELEASE is one of the archive (6.12.117+deb12-amd64), or a series of which the newest is taken (6.12,
# newest). --suite takes it from another release of Debian, in a root of that one (roots.sh).

new_steps=(configure core corpus sctp tcp)

# Files of the corpus: as many as the short one has (test/corpus/pairs.ts).
new_files=40

# What a step ends with if there is nothing to do; the last line of its output says why.
left_out=77

usage_of_new() {
	die "usage: npm run newkernel -- [--suite SUITE] [--without STEP]… RELEASE
RELEASE: 6.12.117+deb12-amd64, 6.12 or newest. STEP: ${new_steps[*]}"
}

# new_kernel WORD…: as above.
new_kernel() {
	local release='' suite='' without=() words=("$@") name place
	while (($#)); do
		case $1 in
		--suite | --without)
			(($# > 1)) || usage_of_new
			if [[ $1 == --suite ]]; then
				suite=$2
			else
				[[ " ${new_steps[*]} " == *" $2 "* ]] || usage_of_new
				without+=("$2")
			fi
			shift
			;;
		-*) usage_of_new ;;
		*)
			[[ -z $release ]] || usage_of_new
			release=$1
			;;
		esac
		shift
	done
	[[ $release == newest || $release =~ ^[0-9]+\.[0-9]+ ]] || usage_of_new
	if [[ -n $suite && $suite != "$(own_suite)" ]]; then
		make_root "$suite" "$cache"
		in_root "$suite" "$cache" bash test/run.sh newkernel "${words[@]}" </dev/null
		return
	fi
	name=$(known_kernel "${suite:+$suite-}$release" "$release")
	place=$PWD/.work/newkernel/$name
	rm -rf "$place"
	mkdir -p "$place"
	# Of a series it is the newest.
	[[ $release == "$(series_of "$release")" ]] || export KSPLICE_TEST_RELEASE=$release
	choose_kernel "$cache" "$name" "$(series_of "$release")" "$(flavour_of "$release")"
	look_at_kernel
}

own_suite() { (. /etc/os-release && printf '%s' "${VERSION_CODENAME-}"); }

# known_kernel NAME RELEASE: the name of the cache that has this very release already; NAME if none has.
known_kernel() {
	local known
	known=$(grep -lF "\"release\": \"$2\"" "$cache"/kernels/*/kernel.json 2>/dev/null | head -n 1 || true)
	[[ -z $known ]] && printf %s "$1" || basename "${known%/*}"
}

# series_of RELEASE: "6.12"; what is not a release is a series.
series_of() { sed -E 's/^([0-9]+\.[0-9]+).*/\1/' <<<"$1"; }

# flavour_of RELEASE: "rt", "cloud", or "-".
flavour_of() { [[ $1 =~ -(rt|cloud)- ]] && printf %s "${BASH_REMATCH[1]}" || printf -; }

# look_at_kernel: all steps with the kernel that was chosen. Fails if one has failed.
look_at_kernel() {
	local step
	: >"$place/seen"
	for step in "${new_steps[@]}"; do
		if [[ " ${without[*]-} " == *" $step "* ]]; then
			seen skipped "$step" "--without $step"
		else
			take_step "$step"
		fi
	done
	printf '\n== %s (%s)\n' "$(kernel_field release)" "$(kernel_field version)"
	cat "$place/seen"
	printf 'The output of each step is in %s\n' "$place"
	! grep -q '^failed' "$place/seen"
}

# take_step STEP: its output goes to STEP.log as well, and what it says of itself is in STEP.json, if anything.
take_step() {
	local step=$1 status=0 log=$place/$1.log words
	printf '\n== %s\n' "$step"
	("new_$step") 2>&1 | tee "$log" || status=$?
	words=$(node test/kernels/said.mjs "$status" "$place/$step.json" "$log")
	case $status in
	0) seen passed "$step" "$words" ;;
	"$left_out") seen skipped "$step" "$words" ;;
	*) seen failed "$step" "$words" ;;
	esac
}

# seen HOW STEP [WORDS]: a line; further lines of the words stand below it.
seen() {
	printf '%-8s %-10s %s\n' "$1" "$2" "${3-}" | sed -E '2,$s/^/    /; s/ +$//' >>"$place/seen"
}

# As a user would write it.
new_configure() {
	node bin/ksplice-ts.js configure "$place/conf" --kernel "$(kernel_field release)" \
		--image "$(kernel_field image)" --source "$(kernel_field source)"
}

new_core() {
	local folder=$place/core
	compile_core "$(kernel_field release)" "$folder" && return
	grep -iE 'error|warning:' "$folder.log" | head -n 20
	return 1
}

# The changes to another version of the same series.
new_corpus() {
	local own other
	update_package_lists
	own=$(kernel_field version)
	other=$(other_version "$own")
	if [[ -z $other ]]; then
		say "the archive has no other version of $(source_package) than $own"
		return "$left_out"
	fi
	npx tsx test/corpus/corpus.ts --from "$own" --to "$other" --limit "$new_files" \
		--output "${place#"$PWD/"}/corpus" || return
	cp "$place/corpus/corpus.json" "$place/corpus.json"
	grep -qE '^ +"failed": 0,?$' "$place/corpus.json"
}

new_sctp() { run_scene sctp; }
new_tcp() { run_scene tcp; }

run_scene() {
	npx vitest run --project vm --reporter=default --reporter=json --outputFile.json="$place/$1.json" \
		"test/vm/$1.test.ts"
}
