#!/bin/bash
# Serves the files of this machine to a guest, without the right to change one: in a mount
# namespace of its own (unshare --mount), so that nothing of it is left afterwards.
#
# usage: virtiofs.sh FOLDER SOCKET

set -euo pipefail
folder=$1
socket=$2

mount --rbind / "$folder"
# A mount below may refuse (one of a container's); the files of the tests are not there.
findmnt -Rrno TARGET "$folder" | while read -r mount; do
	mount -o remount,bind,ro "$(printf %b "$mount")" 2>/dev/null || true
done
if touch "$folder/.ksplice-test" 2>/dev/null; then
	rm -f "$folder/.ksplice-test"
	echo 'the files of this machine cannot be made read-only for the guest' >&2
	exit 1
fi
# Debian 12 has one that came with QEMU, later releases have another program.
if [[ -x /usr/lib/qemu/virtiofsd ]]; then
	exec /usr/lib/qemu/virtiofsd --socket-path="$socket" -o source="$folder" -o cache=always
fi
# It would make itself a sandbox of mounts, which cannot be done below a chroot.
exec /usr/libexec/virtiofsd --socket-path="$socket" --shared-dir="$folder" --cache=always --sandbox=none
