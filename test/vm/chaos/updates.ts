// The updates that are applied and undone, each a small patch of the kernel's source whose
// effect programs can see (ask.c): the judge of a switch is what the code does.

import type { SourceEdit } from '../ksplice.js';

export interface ChaosUpdate {
  readonly id: string;
  readonly file: string;
  readonly edits: readonly SourceEdit[];
  /** The update that it is made on top of; the edits are to that one's source. */
  readonly on?: string;
  readonly allowBusy?: string;
  /** Loaded before the update, and now and then not. */
  readonly module?: string;
  /** What ask.c calls the question. */
  readonly asks: string;
  /** Functions that are traced and probed. */
  readonly functions: readonly string[];
}

const wait = {
  file: 'kernel/signal.c',
  edits: [
    [/(static int do_sigtimedwait\([^{]*\{[^}]*?return -)EINVAL/, '$1EDOM'],
  ] as readonly SourceEdit[],
  asks: 'wait',
  functions: ['do_sigtimedwait'],
};

export const UPDATES: readonly ChaosUpdate[] = [
  // Part of every fork. Memory is waited for in it.
  {
    id: 'fork',
    file: 'kernel/fork.c',
    edits: [[/(\(CLONE_NEWNS\|CLONE_FS\)\)\n\t\treturn ERR_PTR\(-)EINVAL/, '$1EXDEV']],
    asks: 'fork',
    functions: ['copy_process'],
  },
  // Called in a loop, and it calls through a pointer: by a thunk, where there are retpolines.
  {
    id: 'poll',
    file: 'fs/pipe.c',
    edits: [
      [
        /^\tmask = 0;\n\tif \(filp->f_mode & FMODE_READ\)/m,
        '\tmask = EPOLLMSG;\n\tif (filp->f_mode & FMODE_READ)',
      ],
    ],
    asks: 'poll',
    functions: ['pipe_poll'],
  },
  // Tasks sleep in it. The two replace the same function: one of them at a time.
  { ...wait, id: 'wait' },
  { ...wait, id: 'waitbusy', allowBusy: 'do_sigtimedwait' },
  // A task that dies is in no list any more when it is in the last third of it, and never returns.
  {
    id: 'exit',
    file: 'kernel/exit.c',
    edits: [
      [
        /^\tWARN_ON\(irqs_disabled\(\)\);\n\n\tsynchronize_group_exit/m,
        '\tif (code == 0x4700)\n\t\tcode = 0x4800;\n$&',
      ],
    ],
    asks: 'exit',
    functions: ['do_exit'],
  },
  // It takes a task out of the list, and goes on, as the task itself or as its parent.
  {
    id: 'reap',
    file: 'kernel/exit.c',
    edits: [
      [
        /^\tcgroup_release\(p\);\n\n\twrite_lock_irq/m,
        '\tif (p != current && p->exit_code == 0x4600)\n\t\tcurrent->signal->cmaj_flt += 4711;\n$&',
      ],
    ],
    asks: 'reap',
    functions: ['release_task'],
  },
  // Of lib/, where no function begins with a call to ftrace.
  {
    id: 'iovec',
    file: 'lib/iov_iter.c',
    edits: [[/(\tif \(nr_segs > UIO_MAXIOV\)\n\t\treturn ERR_PTR\(-)EINVAL/, '$1EDOM']],
    asks: 'iovec',
    functions: ['iovec_from_user'],
  },
  // A jump label where the jump would go: redirected by ftrace.
  {
    id: 'label',
    file: 'arch/x86/kernel/signal.c',
    edits: [
      [
        /^\tif \(!fpu_state_size_dynamic\(\) && !strict/m,
        '\tif (ss_size == 0x47110)\n\t\treturn false;\n$&',
      ],
    ],
    asks: 'label',
    functions: ['sigaltstack_size_valid'],
  },
  {
    id: 'sctp',
    file: 'net/sctp/proc.c',
    edits: [[/^\tsnmp_get_cpu_field_batch/m, '\tseq_puts(seq, "new\\n");\n$&']],
    module: 'sctp',
    asks: 'sctp',
    functions: ['sctp_snmp_seq_show'],
  },
  // Two for one function, the second with what the first has added.
  {
    id: 'base',
    file: 'fs/proc/loadavg.c',
    edits: [
      [
        /^static int loadavg_proc_show/m,
        'static unsigned int chaos_count;\n\nstatic __attribute__((__noipa__)) void chaos_tell(struct seq_file *m, const char *who)\n{\n\tchaos_count++;\n\tseq_puts(m, who);\n}\n\n$&',
      ],
      [/^\tget_avenrun/m, '\tchaos_tell(m, "base ");\n$&'],
    ],
    asks: 'loadavg',
    functions: ['loadavg_proc_show'],
  },
  {
    id: 'top',
    file: 'fs/proc/loadavg.c',
    edits: [[/"base "/, '"top "']],
    on: 'base',
    asks: 'loadavg',
    functions: ['loadavg_proc_show'],
  },
];
