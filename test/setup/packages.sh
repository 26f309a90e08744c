# What a fresh Debian lacks: packages for building kernel objects, for the test
# guest, and for the traffic of the two scenes. Names carry no versions; those
# of the kernel's own packages are found in the archive (test/kernels/fetch.sh).

build_packages=(
	make gcc libc6-dev perl bc bison flex libelf-dev libssl-dev dwarves
	patch git xz-utils zstd cpio kmod rsync python3-minimal
)
guest_packages=(
	qemu-system-x86 seabios busybox-static procps iproute2 hostname
	systemd e2fsprogs util-linux openssl groff-base openssh-client
)
scene_packages=(libusrsctp-examples lksctp-tools tcpdump)
# The controller of a fleet.
fleet_packages=(ansible-core ansible-lint openssh-client python3)

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# missing_packages PACKAGE…
missing_packages() {
	local package
	for package in "$@"; do
		is_installed "$package" || printf '%s\n' "$package"
	done
}

# The lists may be absent (a container) or too old for the archive: fetched once a run, when
# something has to come from there.
update_package_lists() {
	[[ -z ${lists_updated-} ]] || return 0
	say "Fetching the package lists of Debian (apt-get update)."
	logged 'apt-get update' apt-get -o Acquire::Retries=3 update
	lists_updated=yes
}

# install_packages PACKAGE[=VERSION]…
install_packages() {
	say "Installing from Debian: $*"
	# Headers of some series bring their image along. Where nothing could boot it (a container, a
	# machine for tests) it needs no initramfs, which would take minutes; the word is that of
	# initramfs-tools' hook for kernel packages.
	local initrd=()
	[[ -e /boot/grub || -e /boot/loader ]] || initrd=(INITRD=No)
	logged 'apt-get install' env "${initrd[@]}" DEBIAN_FRONTEND=noninteractive apt-get \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
		install -y --no-install-recommends "$@"
}

install_missing_packages() { provide_packages "${build_packages[@]}" "${guest_packages[@]}" "${scene_packages[@]}"; }

# provide_packages PACKAGE…: those that are not there.
provide_packages() {
	local missing
	mapfile -t missing < <(missing_packages "$@")
	((${#missing[@]})) || return 0
	update_package_lists
	install_packages "${missing[@]}"
}

# For guests that are hosts of a fleet, in $1: only unpacked, so that no sshd is started here.
unpack_sshd() {
	[[ ! -x $1/usr/sbin/sshd ]] || return 0
	rm -rf "$1.part"
	mkdir -p "$1.part/debs" "$1.part/root"
	say 'Fetching from Debian: openssh-server libwrap0'
	update_package_lists
	(cd "$1.part/debs" && logged 'apt-get download' apt-get -o Acquire::Retries=3 -o APT::Sandbox::User=root download openssh-server libwrap0)
	local deb
	for deb in "$1.part"/debs/*.deb; do dpkg -x "$deb" "$1.part/root"; done
	rm -rf "$1"
	mv "$1.part/root" "$1"
	rm -rf "$1.part"
}

# For guests whose kernel has no 9p. Debian 12 has the program in a package of QEMU's.
install_virtiofsd() {
	[[ -x /usr/lib/qemu/virtiofsd || -x /usr/libexec/virtiofsd ]] || install_packages virtiofsd
}
