# Other releases of Debian, for the kernels that their people run: a root made with debootstrap in
# the cache, once, in which everything is run by chroot: compiler, headers, tests, the emulator. All is found
# by name and suite, as on a machine with that release.

# The releases that are tested beside the one of this machine.
other_suites() {
	local suite
	for suite in trixie; do
		[[ $suite == "$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")" ]] || printf '%s\n' "$suite"
	done
}

# suite_root SUITE CACHE: prints where its root is.
suite_root() { printf '%s/roots/%s\n' "$2" "$1"; }

# debian_mirror SUITE-OR-NAME: where this machine has such packages from; "debian" and "debian-security".
debian_mirror() {
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		sed 's:/*$::' | grep -m 1 "/$1\$" || printf 'http://deb.debian.org/%s\n' "$1"
}

# make_root SUITE CACHE: a small system with Node and npm. Whatever is there is complete.
make_root() {
	local suite=$1 root
	root=$(suite_root "$suite" "$2")
	[[ ! -d $root ]] || return 0
	say "Making a root of Debian $suite in $root (debootstrap)."
	bootstrap "$suite" "$root.part"
	install_in "$root.part" nodejs npm
	mv "$root.part" "$root"
}

# bootstrap SUITE DIRECTORY: the least that apt works in, with the archive that this machine uses.
bootstrap() {
	local suite=$1 part=$2 main security
	is_installed debootstrap || install_packages debootstrap
	main=$(debian_mirror debian)
	security=$(debian_mirror debian-security)
	rm -rf "$part"
	mkdir -p "$part"
	logged debootstrap debootstrap --variant=minbase --include=ca-certificates "$suite" "$part" "$main"
	printf 'deb %s main\n' "$main $suite" "$main $suite-updates" "$main $suite-backports" \
		"$security $suite-security" >"$part/etc/apt/sources.list"
	# What this machine trusts, and how it gets at the archive, goes for the root as well.
	cp /etc/ssl/certs/ca-certificates.crt "$part/etc/ssl/certs/"
	cp /etc/apt/apt.conf.d/*proxy* "$part/etc/apt/apt.conf.d/" 2>/dev/null || true
	logged 'apt-get update' chroot "$part" apt-get -o Acquire::Retries=3 update
}

# install_in DIRECTORY PACKAGE…: a package may also be a file, by its path in there.
install_in() {
	local root=$1
	shift
	# What makes an initramfs when a kernel is installed takes minutes: nothing boots from it.
	logged 'apt-get install' chroot "$root" env INITRD=No DEBIAN_FRONTEND=noninteractive \
		apt-get -o Acquire::Retries=3 install -y --no-install-recommends "$@"
}

# in_root SUITE CACHE COMMAND…: in a mount namespace of its own, with this repository and the caches
# at the same paths, so that nothing stays mounted when the command ends.
in_root() {
	local root home places
	root=$(suite_root "$1" "$2")
	home=${KSPLICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ksplice-ts}
	mkdir -p "$home"
	places=("$PWD" "$2" "$home")
	shift 2
	unshare --mount --propagation private bash -c '
		set -e
		root=$1 count=$2
		shift 2
		for kernel in proc sys dev; do mount --rbind "/$kernel" "$root/$kernel"; done
		for ((; count > 0; count--)); do
			mkdir -p "$root$1"
			mount --bind "$1" "$root$1"
			shift
		done
		exec chroot "$root" env -C "$PWD" "$@"' in_root "$root" "${#places[@]}" "${places[@]}" "$@"
}
