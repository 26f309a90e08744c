#!/bin/bash
# The disk of a guest that is a fresh Debian of its own, with apt, systemd and the stock kernel as an
# installed package: test/vm/apt.test.ts. It is made once for each kernel, and its path printed.
#
# usage: guest-disk.sh CACHE VERSION KERNEL.deb

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. test/setup/say.sh
. test/setup/packages.sh
. test/kernels/roots.sh
cache=$1 version=$2 kernel=$3
log=$cache/guest-disk.log
: >"$log"

suite=$(. /etc/os-release && printf %s "$VERSION_CODENAME")
disk=$cache/roots/guest-$suite-$version.ext4
part=$disk.part
packages=(systemd systemd-sysv udev iproute2 kmod needrestart unattended-upgrades)

# What the test makes its repository with.
provide_packages debootstrap reprepro gnupg
if [[ ! -e $disk ]]; then
	say "Making a guest's disk with Debian $suite in $disk (debootstrap)."
	mkdir -p "$cache/roots"
	bootstrap "$suite" "$part"
	# A kernel that is in several packages has them beside each other.
	cp "${kernel%/*}"/*.deb "$part/tmp"
	install_in "$part" "${packages[@]}" $(cd "$part" && printf '/%s\n' tmp/*.deb)
	# A host with a Node that is new enough has it; on others it has to come from the repository.
	node=$(chroot "$part" apt-cache policy nodejs | sed -n 's/^  Candidate: //p')
	! dpkg --compare-versions "$node" ge 20 || install_in "$part" nodejs
	rm -f "$part"/tmp/*.deb "$part"/etc/apt/sources.list "$part"/etc/apt/apt.conf.d/*proxy*
	rm -rf "$part"/var/lib/apt/lists/* "$part"/var/cache/apt/*.bin "$part"/var/cache/apt/archives/*.deb
	logged 'systemd-machine-id-setup' chroot "$part" systemd-machine-id-setup
	logged 'mkfs.ext4' mkfs.ext4 -q -d "$part" "$disk.new" 3G
	rm -rf "$part"
	mv "$disk.new" "$disk"
fi
printf '%s\n' "$disk"
