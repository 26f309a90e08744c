# The kernel core against the headers of every series that the archive has, each compiled: what
# is only compiled needs no guest, and tells at once that a new kernel has something else.

# headers_of_series: prints the newest release of each series that has headers here, once for each flavour.
headers_of_series() {
	apt-cache search --names-only '^linux-headers-[0-9]+\.[0-9]+\.[0-9].*-amd64$' | awk '{ print $1 }' |
		sed 's/^linux-headers-//' | sort -rV |
		awk '{
			split($0, number, ".")
			flavour = match($0, /-(rt|cloud)-/) ? substr($0, RSTART, RLENGTH) : "-"
			if (!seen[number[1] "." number[2] flavour]++) print
		}'
}

# compile_core RELEASE FOLDER: without a warning, as test/vm/core/kbuild.ts has it.
compile_core() {
	local release=$1 folder=$2
	rm -rf "$folder"
	mkdir -p "${folder%/*}"
	cp -r kmodsrc "$folder"
	make -C "/usr/src/linux-headers-$release" "M=$folder" "-j$(nproc)" W=1 \
		KBUILD_MODPOST_WARN=1 KSPLICE_OWN_SHADOW=y modules >"$folder.log" 2>&1 || return 1
	! grep -i 'warning:' "$folder.log" | grep -Ev '^WARNING: modpost: .*(undefined!|unresolved)'
}

# compile_series RESULTS: leaves a verdict for each release there, by name.
compile_series() {
	local results=$1 release folder verdict
	update_package_lists
	while read -r release <&3; do
		is_installed "linux-headers-$release" || install_packages "linux-headers-$release"
		folder=$PWD/.work/series/$release
		verdict=passed
		compile_core "$release" "$folder" || {
			verdict=failed
			grep -iE 'error|warning:' "$folder.log" | head -n 20 || true
		}
		printf '%s  the core compiles for %s\n' "$verdict" "$release"
		echo "$verdict" >"$results/$release.check"
		rm -rf "$folder"
	done 3< <(headers_of_series)
}

# test_series: here, and in the roots of other releases. The last line is the count.
test_series() {
	local results=$PWD/.work/results/series suite
	rm -rf "$results"
	mkdir -p "$results"
	compile_series "$results" || true
	for suite in $(other_suites); do
		make_root "$suite" "$cache"
		in_root "$suite" "$cache" bash test/run.sh series-of-root "$results" </dev/null || echo failed >"$results/$suite.check"
	done
	node test/setup/count.mjs "$results"
}
