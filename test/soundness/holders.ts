// Processes that hold an object of the kernel open, in the shell of a kind.

/** Its fdinfo is /proc/$holder/fdinfo/$fd then. */
const holder = (name: string, call: string) =>
  `perl -e 'my $set = pack("Q", 0x200); open my $f, "+<&=", syscall(${call}) or die; print STDERR fileno($f), "\\n"; sleep 1000' 2>/run/${name} &
holder=$!; until [ -s /run/${name} ]; do sleep 0.1; done; read -r fd </run/${name}`;

/** timerfd_create(CLOCK_MONOTONIC) */
export const TIMERFD = holder('timerfd', '283, 1, 0');
/** signalfd4() of one signal: bit 9 of the set. */
export const SIGNALFD = holder('signalfd', '289, -1, $set, 8, 0');
