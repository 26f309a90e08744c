# Finds and fetches the stock kernel that the tests work on: the newest of the
# release's own series for which the archive has image, headers and source of
# the very same version. (Newer series have the image in packages for kernel and modules.) Old ones leave the archive, new ones come: nothing about
# a kernel is written down except in the cache, in kernel.json.
#
# KSPLICE_TEST_SERIES (6.12, or "newest") and KSPLICE_TEST_FLAVOUR (cloud, rt) name other ones, and
# KSPLICE_TEST_RELEASE one of the series' releases; each has a cache of its own then, see kernels.sh.
#
# The headers are installed; image and source are only unpacked into the cache,
# so that the machine's own kernel and boot loader are not touched.

# source_packages: of all series of which the archive has sources.
source_packages() {
	apt-cache search --names-only '^linux-source-[0-9.]+$' | awk '{ print $1 }'
}

# source_of VERSION: prints the package with the source of exactly that version, of whichever series.
source_of() {
	local package
	for package in $(source_packages); do
		versions_of "$package" | grep -qxF "$1" || continue
		printf '%s\n' "$package"
		return 0
	done
	return 1
}

# newest_series OWN: the newest other series than OWN of which the archive has sources, if there is one.
newest_series() {
	source_packages | sed 's/^linux-source-//' | grep -vxF "${1#linux-source-}" | sort -V | tail -n 1
}

# The series of the release's own kernel, such as linux-source-6.1, without version; or the one that
# is to be tested.
source_package() {
	local series=${KSPLICE_TEST_SERIES-}
	[[ $series != newest ]] || series=$(newest_series "$(own_source_package)")
	[[ -z $series ]] || {
		apt-cache search --names-only "^linux-source-${series//./\\.}\$" | awk '{ print $1 }'
		return
	}
	own_source_package
}

own_source_package() {
	apt-cache depends linux-source 2>/dev/null | sed -n 's/^ *Depends: \(linux-source-[0-9.]*\)$/\1/p' | head -n 1
}

versions_of() { apt-cache madison "$1" 2>/dev/null | awk -F ' *[|] *' '{ print $2 }' | sort -u; }

# newest_first: sorts Debian versions on standard input.
newest_first() {
	local versions=() sorted=() version other placed
	mapfile -t versions
	for version in "${versions[@]}"; do
		placed=()
		for other in "${sorted[@]}"; do
			if [[ -n $version ]] && dpkg --compare-versions "$version" gt "$other"; then
				placed+=("$version")
				version=
			fi
			placed+=("$other")
		done
		[[ -z $version ]] || placed+=("$version")
		sorted=("${placed[@]}")
	done
	((${#sorted[@]} == 0)) || printf '%s\n' "${sorted[@]}"
}

# Releases (uname -r) of the series and flavour; without one, for ordinary machines: no cloud,
# no real-time kernels.
releases_of_series() {
	local series=${1#linux-source-} arch others='-(cloud|rt)-'
	[[ -z ${KSPLICE_TEST_RELEASE-} ]] || {
		printf '%s\n' "$KSPLICE_TEST_RELEASE"
		return
	}
	arch=$(dpkg --print-architecture)
	[[ -z ${KSPLICE_TEST_FLAVOUR-} ]] || {
		arch=$KSPLICE_TEST_FLAVOUR-$arch
		others='^$'
	}
	apt-cache search --names-only "^linux-headers-${series//./\\.}\\." | awk '{ print $1 }' |
		sed -n "s/^linux-headers-\\(.*-$arch\\)\$/\\1/p" | grep -Ev -- "$others" || true
}

# image_packages RELEASE: the names that a package with the kernel may have. Where it is in a package of its
# own, the one that is called image holds nothing.
image_packages() {
	printf '%s\n' "linux-binary-unsigned-$1" "linux-binary-$1" "linux-image-$1-unsigned" "linux-image-$1"
}

# Prints "VERSION RELEASE IMAGE_PACKAGE" of the newest complete kernel.
newest_kernel() {
	local source version release image
	source=$(source_package)
	[[ -n $source ]] || return 1
	while read -r version; do
		while read -r release; do
			versions_of "linux-headers-$release" | grep -qxF "$version" || continue
			for image in $(image_packages "$release"); do
				versions_of "$image" | grep -qxF "$version" || continue
				! has_rt_patches "$version" "$release" || fetch_rt_patches "$version" || continue
				printf '%s %s %s\n' "$version" "$release" "$image"
				return 0
			done
		done < <(releases_of_series "$source")
	done < <(versions_of "$source" | newest_first)
	return 1
}

# download PACKAGE VERSION: prints the path of the .deb, fetched below the cache.
# apt's own user cannot write there, and need not: signatures are checked all the same.
download() {
	local folder="$cache/download/$1"
	rm -rf "$folder"
	mkdir -p "$folder"
	(cd "$folder" && logged "apt-get download $1" \
		apt-get -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$1=$2")
	echo "$folder"/*.deb
}

# unpack_source DEB FOLDER [VERSION]: the tree itself out of the package's tarball.
unpack_source() {
	rm -rf "$2" "$2.part"
	mkdir -p "$2.part"
	logged 'unpacking the kernel source' bash -c '
		set -o pipefail
		dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards "./usr/src/linux-source-*.tar.xz" |
			xz -T0 -dc | tar -x --strip-components=1 -C "$2"' unpack "$1" "$2.part"
	[[ ! -e $cache/rt-${3-}/series ]] || patch_for_rt "$3" "$2.part"
	mv "$2.part" "$2"
}

# The real-time flavour's patches are in the source package alone, not in linux-source. Newer series have
# none: there it is built of the same source as the others, and uses their common headers.

# has_rt_patches VERSION RELEASE
has_rt_patches() {
	[[ ${KSPLICE_TEST_FLAVOUR-} == rt ]] &&
		versions_of "linux-headers-${2%-rt-*}-common-rt" | grep -qxF "$1"
}

# fetch_rt_patches VERSION: leaves them in $cache/rt-VERSION, with their series. Fails where the
# archive has not got the source package.
fetch_rt_patches() {
	local folder=$cache/rt-$1 apt=$cache/apt-src options
	[[ ! -e $folder/series ]] || return 0
	mkdir -p "$apt/lists" "$apt/cache" "$folder.part"
	options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=-
		-o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache"
		-o APT::Sandbox::User=root -o Acquire::Retries=3)
	# Where the packages come from; what is signed by other keys is left out.
	if [[ ! -e $apt/sources.list ]]; then
		apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
			grep -i debian | sort -u >"$apt/sources.list.part"
		mv "$apt/sources.list.part" "$apt/sources.list"
		logged 'apt-get update for sources' apt-get "${options[@]}" update
	fi
	(cd "$folder.part" && apt-get "${options[@]}" source --diff-only --download-only "linux=$1" &&
		tar -xJf ./*.debian.tar.xz --strip-components=2 debian/patches-rt) >>"$log" 2>&1 || return 1
	mv "$folder.part" "$folder"
}

# patch_for_rt VERSION TREE
patch_for_rt() {
	logged 'patching the kernel source' bash -c '
		grep -v "^#" "$1/series" | while read -r name _; do
			[[ -z $name ]] || patch --directory "$2" --strip=1 --batch --forward --quiet <"$1/$name" || exit
		done' patch "$cache/rt-$1" "$2"
}

# packages_of_image PACKAGE RELEASE: with those that its other parts are in, where it has only the kernel.
packages_of_image() {
	printf '%s
' "$1"
	[[ $1 != linux-binary-* ]] || printf '%s
' "linux-modules-$2" "linux-base-$2"
}

# unpack_image RELEASE FOLDER DEB…
unpack_image() {
	local release=$1 folder=$2 deb
	shift 2
	rm -rf "$folder" "$folder.part"
	for deb in "$@"; do
		logged 'unpacking the kernel image' dpkg-deb -x "$deb" "$folder.part"
	done
	# modprobe and the guest's initramfs go by modules.dep, which the package makes when it is installed.
	# depmod looks into lib/, which newer packages leave to the system's link to usr/lib.
	[[ -e $folder.part/lib ]] || ln -s usr/lib "$folder.part/lib"
	logged depmod depmod -b "$folder.part" "$release"
	[[ ! -L $folder.part/lib ]] || rm "$folder.part/lib"
	mv "$folder.part" "$folder"
}

# provide_image PACKAGE VERSION RELEASE FOLDER: leaves its packages and image/ in the folder, and prints
# the path of the package with the kernel.
provide_image() {
	local image=$1 version=$2 release=$3 folder=$4 package deb debs=()
	mkdir -p "$folder"
	for package in $(packages_of_image "$image" "$release"); do
		deb=$(compgen -G "$folder/${package}_*.deb" || true)
		if [[ -z $deb ]]; then
			deb=$(download "$package" "$version")
			mv "$deb" "$folder/"
			deb=$folder/${deb##*/}
		fi
		debs+=("$deb")
	done
	[[ -d $folder/image ]] || unpack_image "$release" "$folder/image" "${debs[@]}"
	rm -rf "$cache/download"
	printf '%s\n' "${debs[0]}"
}

# kernel_field NAME or NAME.NAME: what kernel.json says; empty when it says nothing.
kernel_field() {
	node -e '
		const value = process.argv[2].split(".").reduce((object, name) => object?.[name],
			JSON.parse(fs.readFileSync(process.argv[1])));
		console.log(value ?? "");
	' "$cache/kernel.json" "$1"
}

# write_kernel_json OBJECT MORE: both together become kernel.json, at once or not at all.
write_kernel_json() {
	node -e '
		const [path, ...objects] = process.argv.slice(1);
		const kernel = Object.assign({}, ...objects.map((object) => JSON.parse(object)));
		fs.writeFileSync(`${path}.part`, JSON.stringify(kernel, null, 2) + "\n");
		fs.renameSync(`${path}.part`, path);
	' "$cache/kernel.json" "$@"
}

have_kernel() {
	[[ -f $cache/kernel.json ]] || return 1
	local part
	for part in image source headers deb; do
		[[ -e $(kernel_field "$part") ]] || return 1
	done
}

fetch_kernel() {
	! have_kernel || return 0
	update_package_lists
	local version release image deb deb_of_source folder
	read -r version release image < <(newest_kernel) ||
		die 'The archive has no kernel with image, headers and source of the same version.'
	folder="$cache/$version"
	say "Kernel to test on: $release, version $version, the newest that is complete in the archive."
	is_installed "linux-headers-$release" || install_packages "linux-headers-$release=$version"
	say "Fetching its image and source ($image, $(source_package)) into $folder; they are not installed."
	deb=$(provide_image "$image" "$version" "$release" "$folder")
	deb_of_source=$(download "$(source_package)" "$version")
	unpack_source "$deb_of_source" "$folder/source" "$version"
	rm -rf "$cache/download"
	write_kernel_json '{}' "{
		\"release\": \"$release\",
		\"version\": \"$version\",
		\"image\": \"$folder/image\",
		\"deb\": \"$deb\",
		\"source\": \"$folder/source\",
		\"headers\": \"/usr/src/linux-headers-$release\"
	}"
}

# other_version OWN: the newest of the series with another upstream version, if the archive has one.
other_version() {
	versions_of "$(source_package)" | newest_first | awk -v own="${1%%-*}-" 'index($0, own) != 1 { print; exit }'
}

# The tests also need a source that does not belong to the kernel: the newest of the series with
# another upstream version. One that differs in Debian's revision only does not say so in its tree.
fetch_other_source() {
	local own other deb folder
	own=$(kernel_field version)
	other=$(kernel_field otherSource.version)
	[[ -z $other || ${other%%-*} == "${own%%-*}" || ! -e $(kernel_field otherSource.source) ]] || return 0
	update_package_lists
	other=$(other_version "$own")
	[[ -n $other ]] || die "The archive has no $(source_package) but version $own; the tests need another."
	folder="$cache/$other"
	say "Fetching the source of another version, $other, for tests that must refuse it."
	mkdir -p "$folder"
	deb=$(download "$(source_package)" "$other")
	unpack_source "$deb" "$folder/source"
	rm -rf "$cache/download"
	write_kernel_json "$(<"$cache/kernel.json")" "{
		\"otherSource\": { \"version\": \"$other\", \"source\": \"$folder/source\" }
	}"
}
