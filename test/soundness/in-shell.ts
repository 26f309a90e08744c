// What several kinds have their shell do.

/** A process that holds an object of the kernel open. Its fdinfo is /proc/$holder/fdinfo/$fd then. */
const holder = (name: string, call: string) =>
  `rm -f /run/${name}; perl -e 'my $set = pack("Q", 0x200); open my $f, "+<&=", syscall(${call}) or die; print STDERR fileno($f), "\\n"; sleep 1000' 2>/run/${name} &
holder=$!; until [ -s /run/${name} ]; do sleep 0.1; done; read -r fd </run/${name}`;

/** timerfd_create(CLOCK_MONOTONIC) */
export const TIMERFD = holder('timerfd', '283, 1, 0');
/** signalfd4() of one signal: bit 9 of the set. */
export const SIGNALFD = holder('signalfd', '289, -1, $set, 8, 0');

/** Written to, it drops caches. After a 4 the kernel says nothing more of it. */
export const DROP_CACHES = '/proc/sys/vm/drop_caches';
/** What the kernel says when 2 is written there. */
export const SAID_OF_2 = `n=$(dmesg | wc -l); echo 2 >${DROP_CACHES}; dmesg | tail -n +$((n + 1)) | grep -o 'drop_caches: .*'`;
