#!/bin/busybox sh
# /init of the guest: from the initramfs to a root made of the host's files.
# Everything here runs before the channel exists, so a failure is said on the
# console and powers the guest off; the harness then reports "no verdict".

bb=/bin/busybox
fail() {
	echo "guest: $1" >/dev/console
	$bb poweroff -f
}

$bb mount -t devtmpfs dev /dev
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
for module in /modules/*.ko; do
	[ -e "$module" ] || continue # all is built in
	$bb insmod "$module" || fail "cannot load $module"
done

# As far as this the machine is the same for all: its state may be kept, and others go on from it.
# The kernel learns a port's name from QEMU a moment after the port itself.
port=
tries=0
until [ -c "$port" ]; do
	for one in /sys/class/virtio-ports/*; do
		[ "$($bb cat "$one/name" 2>/dev/null)" = ksplice-test ] && port=/dev/${one##*/}
	done
	tries=$((tries + 1))
	[ "$tries" -lt 600 ] || fail 'no port for the channel'
	[ -c "$port" ] || $bb sleep 0.1
done
exec 3<>"$port" || fail 'no port for the channel'
word=
until [ "$word" = go ]; do
	echo '{"waits":true}' >&3
	read -r -t 1 word time random <&3
done
exec 3>&-
$bb date -s "@${time%.*}" >/dev/null
echo "$random" >/dev/urandom

share=
harness=
for word in $($bb cat /proc/cmdline); do
	case $word in
	ksplice.share=*) share=${word#ksplice.share=} ;;
	ksplice.harness=*) harness=${word#ksplice.harness=} ;;
	esac
done

case $share in
9p) options=trans=virtio,version=9p2000.L,msize=512000,ro,cache=loose ;;
*) options=ro ;;
esac
$bb mount -t "$share" -o "$options" host /host || fail 'cannot mount the root of the host'
$bb mount -t tmpfs -o mode=755 overlay /overlay || fail 'no tmpfs'
$bb mkdir /overlay/upper /overlay/work
$bb mount -t overlay -o lowerdir=/host,upperdir=/overlay/upper,workdir=/overlay/work overlay /root ||
	fail 'cannot lay the overlay over the root'

$bb umount /sys
$bb umount /proc
$bb mount --move /dev /root/dev 2>/dev/null || $bb mount -t devtmpfs dev /root/dev
exec $bb switch_root /root /bin/bash "$harness/guest/stage2.sh"
