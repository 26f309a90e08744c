#!/bin/bash
# Fetches what the corpus run needs into the test cache: the stock kernel of version FROM
# (image, headers, source) and the source of version TO. Prints where it all is, as JSON.
#
# usage: bash test/corpus/fetch.sh FROM TO

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

for part in test/setup/{say,packages}.sh test/kernels/fetch.sh; do
	# shellcheck source=/dev/null
	. "$part"
done

# all_sources: the versions of which the archive has the source, newest first, in one line.
all_sources() {
	local package
	for package in $(source_packages); do versions_of "$package"; done | newest_first | tr '\n' ' '
}

# complete_kernel VERSION: prints "RELEASE IMAGE_PACKAGE" of the kernel of exactly that version.
complete_kernel() {
	local release image source
	source=$(source_of "$1") || return 1
	while read -r release; do
		versions_of "linux-headers-$release" | grep -qxF "$1" || continue
		for image in $(image_packages "$release"); do
			versions_of "$image" | grep -qxF "$1" || continue
			printf '%s %s\n' "$release" "$image"
			return 0
		done
	done < <(releases_of_series "$source")
	return 1
}

fetch_source() {
	local package
	[[ ! -d $cache/$1/source ]] || return 0
	package=$(source_of "$1") ||
		die "The archive has no source of version $1. It has: $(all_sources)"
	say "Fetching the source of $1 into $cache/$1"
	mkdir -p "$cache/$1"
	unpack_source "$(download "$package" "$1")" "$cache/$1/source"
	rm -rf "$cache/download"
}

fetch_image() {
	local version=$1 release=$2 package=$3
	is_installed "linux-headers-$release" || install_packages "linux-headers-$release=$version"
	say "The image of $version is kept in $cache/$version"
	provide_image "$package" "$version" "$release" "$cache/$version"
}

main() {
	(($# == 2)) || die 'usage: bash test/corpus/fetch.sh FROM TO'
	local from=$1 to=$2 release package deb
	cache=${KSPLICE_TEST_CACHE:-$HOME/.cache/ksplice-ts/test}
	mkdir -p "$cache"
	log=$cache/setup.log
	# A container has no package lists.
	[[ -n $(source_packages) ]] || update_package_lists
	read -r release package < <(complete_kernel "$from") ||
		die "The archive has no kernel $from with image and headers. Its sources: $(all_sources)"
	deb=$(fetch_image "$from" "$release" "$package")
	fetch_source "$from"
	fetch_source "$to"
	printf '{ "release": "%s", "version": "%s", "image": "%s", "deb": "%s", "source": "%s", "headers": "%s", "toSource": "%s" }\n' \
		"$release" "$from" "$cache/$from/image" "$deb" "$cache/$from/source" \
		"/usr/src/linux-headers-$release" "$cache/$to/source"
}

main "$@"
