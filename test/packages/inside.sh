#!/bin/bash
# Within a root: run.sh.
set -euo pipefail
cd /packages
export DEBIAN_FRONTEND=noninteractive
fail() { echo "FAILED: $*" >&2; exit 1; }
# refused WORDS COMMAND…: the command fails, and says so.
refused() {
	local words=$1 said
	shift
	! said=$("$@" 2>&1) || fail "not refused: $*"
	[[ $said == *"$words"* ]] || fail "$* said: $said"
}
# stub NAME VERSION [FILE PLACE]: a package with one file, or none.
stub() {
	rm -rf stub
	mkdir -p stub/DEBIAN
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: stub\n' "$1" "$2" >stub/DEBIAN/control
	[[ -z ${3-} ]] || install -D "$3" "stub/$4"
	dpkg-deb -Znone --build stub stub.deb >/dev/null
	dpkg -i --force-overwrite stub.deb >/dev/null 2>&1
}
is() { [[ $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) == *" $2" ]] || fail "$1 is not $2"; }

version=$(dpkg-query -W -f '${Version}' nodejs)
if dpkg --compare-versions "$version" lt 20; then
	refused 'nodejs' dpkg -i ksplice-ts-host_*.deb
	dpkg --purge ksplice-ts-host
	stub nodejs 20.20.0 node usr/bin/node
fi
stub kmod 30
find / -xdev -path /proc -prune -o -path /packages -prune -o -print | grep -v -e '^/var/lib/dpkg' -e '^/var/log' -e /tmp | sort >/packages/before

dpkg -i ksplice-ts-host_*.deb
[[ $(ksplice-ts --version) == [0-9]* ]]
ksplice-ts view | grep -q 'No updates'
refused 'Install the package ksplice-ts.' ksplice-ts create
dpkg -i ksplice-ts-host_*.deb # again
[[ -e /usr/lib/ksplice-ts/dist/ksplice-ts-host.cjs.cache ]] || fail 'nothing was compiled'

refused 'pre-dependency problem' dpkg -i ksplice-update-a1_1_*.deb
[[ ! -e /usr/share/ksplice ]] || fail 'half done'
stub linux-image-6.9.0-none 6.9-2
refused 'pre-dependency problem' dpkg -i ksplice-update-a1_1_*.deb
stub linux-image-6.9.0-none 6.9-1 2>/dev/null
dpkg -i ksplice-update-a1_1_*.deb
ksplice-ts list | grep -q a1 || fail 'not installed'
one=$(sha256sum /var/lib/ksplice/updates/a1/ksplice-a1/SHA256SUMS)
dpkg -i ksplice-update-a1_1_*.deb
dpkg -i ksplice-update-a1_2_*.deb
[[ $one != "$(sha256sum /var/lib/ksplice/updates/a1/ksplice-a1/SHA256SUMS)" ]] || fail 'not upgraded'
refused 'is older' dpkg -i ksplice-update-a1_1_*.deb
is ksplice-update-a1 installed
refused 'ksplice-update-a1' dpkg -r linux-image-6.9.0-none
dpkg -r ksplice-update-a1
[[ ! -e /var/lib/ksplice/updates/a1 ]] || fail 'still installed'
dpkg -P ksplice-update-a1 linux-image-6.9.0-none

dpkg -i ksplice-update-a1_1_*.deb 2>/dev/null && fail 'no kernel'
dpkg -P ksplice-ts-host
find / -xdev -path /proc -prune -o -path /packages -prune -o -print | grep -v -e '^/var/lib/dpkg' -e '^/var/log' -e /tmp | sort >/packages/after
diff before after || fail 'something was left'
