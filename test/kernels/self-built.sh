# Kernels of one's own, for the tests: Debian's source of the kernel to test on, with the small
# configuration in common.config and that in NAME.config, built with O=. They are kept in the
# cache, and built again when source, configuration or compiler change. NAME.json is what kernel.json says of it
# beyond the usual: what its guests need, and words for make.

self_built_kernels() { printf '%s\n' self-built debug self-built-clang; }

clang_packages=(clang lld llvm)

# build_kernel SOURCE CONFIG FOLDER [WORD…]: leaves build/ and image/ in the folder; the words are make's.
build_kernel() {
	local source=$1 config=$2 folder=$3 release
	mkdir -p "$folder/build"
	local make=(make -C "$source" "O=$folder/build" "-j$(nproc)" "${@:4}")
	logged 'configuring a kernel' "${make[@]}" "KCONFIG_ALLCONFIG=$config" allnoconfig
	require_options "$config" "$folder/build/.config"
	logged 'building a kernel' "${make[@]}" bzImage modules
	release=$(<"$folder/build/include/config/kernel.release")
	rm -rf "$folder/image"
	logged 'installing its modules' "${make[@]}" "INSTALL_MOD_PATH=$folder/image.part" modules_install
	mkdir -p "$folder/image.part/boot"
	cp "$folder/build/arch/x86/boot/bzImage" "$folder/image.part/boot/vmlinuz-$release"
	mv "$folder/image.part" "$folder/image"
}

# kconfig drops what cannot be had without a word.
require_options() {
	local dropped
	dropped=$(grep '^CONFIG_' "$1" | grep -vxFf "$2" || true)
	[[ -z $dropped ]] || die "The kernel's configuration has no such options: $dropped"
}

# provide_self_built NAME SOURCE VERSION: kernel.json in $cache describes the kernel.
provide_self_built() {
	local name=$1 source=$2 version=$3 config key folder needs='{}' words compiler=gcc
	[[ ! -f test/kernels/$name.json ]] || needs=$(<"test/kernels/$name.json")
	mapfile -t words < <(node -e 'for (const word of JSON.parse(process.argv[1]).make ?? []) console.log(word)' "$needs")
	if [[ ${words[*]} == *LLVM=* ]]; then
		compiler=clang
		provide_packages "${clang_packages[@]}"
	fi
	config=$(cat test/kernels/common.config "test/kernels/$name.config")
	key=$({ echo "$config$version" && "$compiler" --version; } | sha256sum | cut -c 1-12)
	folder=$cache/$key
	if [[ ! -d $folder/image ]]; then
		say "Building a small kernel, $name, from $source in $folder."
		mkdir -p "$folder"
		echo "$config" >"$folder/config"
		build_kernel "$source" "$folder/config" "$folder" "${words[@]}"
	fi
	write_kernel_json "{
		\"release\": \"$(<"$folder/build/include/config/kernel.release")\",
		\"version\": \"$version\",
		\"image\": \"$folder/image\",
		\"source\": \"$source\",
		\"headers\": \"$folder/build\",
		\"build\": \"$folder/build\"
	}" "$needs"
}
