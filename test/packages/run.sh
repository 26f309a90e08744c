#!/bin/bash
# The packages in fresh roots of Debian 12 and 13: installed, upgraded, removed and purged by dpkg
# itself. The roots are those of the cache, with a layer over them that goes in the end.
#
# usage: run.sh CACHE [SUITE…]

set -euo pipefail
. test/setup/say.sh
. test/setup/packages.sh
. test/kernels/roots.sh
cache=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What debootstrap says, for `logged` (say.sh).
log=$cache/setup.log

node bin/packaging/make.mjs "$work/packages" >/dev/null
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) node bin/packaging/make.mjs "$work/again" >/dev/null
for deb in "$work"/packages/*.deb; do cmp "$deb" "$work/again/${deb##*/}"; done
provide_packages zsh
mkdir "$work/completion"
dpkg-deb --fsys-tarfile "$work"/packages/ksplice-ts-host_*.deb |
	tar -x --strip-components=5 -C "$work/completion" ./usr/share/zsh/vendor-completions/_ksplice-ts
timeout 300 zsh -f test/packages/completion.zsh "$work/completion"
npx tsx test/packages/sample.ts "$work/packages" >/dev/null

(($#)) || set -- bookworm trixie
for one in "$@"; do
	make_root "$one" "$cache"
	mkdir -p "$work/$one"
	unshare --mount --propagation private bash -c '
		set -e
		mount -t tmpfs tmpfs "$2"
		mkdir "$2/upper" "$2/work" "$2/root"
		mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
		mkdir -p "$2/root/packages"
		cp "$3"/* test/packages/inside.sh "$2/root/packages"
		# Debian 12 has no Node that is new enough; this machine has, as a fleet would from a repository of its own.
		cp "$(command -v node)" "$2/root/packages/node"
		mount -t proc proc "$2/root/proc"
		chroot "$2/root" bash /packages/inside.sh' run "$(suite_root "$one" "$cache")" "$work/$one" "$work/packages"
	echo "packages: $one good"
done
