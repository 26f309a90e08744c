#!/bin/bash
# PID 1 of the guest, in the overlaid root of the host: the mounts that programs
# expect, the stock modules where modprobe looks, then the agent.

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8

mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm /run
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs -o mode=755 run /run
# For the files of tests: /tmp begins with what is in the host's.
mkdir /run/test
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing

read -r cmdline </proc/cmdline
for word in $cmdline; do
	case $word in
	ksplice.harness=*) harness=${word#*=} ;;
	ksplice.node=*) node=${word#*=} ;;
	ksplice.modules=*) modules=${word#*=} ;;
	esac
done

release=$(uname -r)
mkdir -p "/lib/modules/$release"
mount --bind "$modules" "/lib/modules/$release"
ip link set lo up
hostname guest

UV_THREADPOOL_SIZE=8 "$node" "$harness/guest/agent.mjs"
status=$?
# The test wants to go on under systemd.
# shellcheck source=/dev/null
[[ $status -ne 42 ]] || . "$harness/guest/systemd.sh"
echo "guest: the agent ended with status $status" >/dev/console
echo o >/proc/sysrq-trigger
sleep 60
