// Variables that become others of another kind.

import { DROP_CACHES, SAID_OF_2 } from './in-shell.js';
import type { Kind } from './kind.js';
import { OTHER_SECTION } from './peers.js';

const otherKind = { refused: 'refused-change', detail: 'data-kind' } as const;

/** What is per-cpu is read as the kernel does it. */
const THIS_CPU = `#define this_cpu(v) ({ int got; asm("movl %%gs:%1, %0" : "=r" (got) : "m" (v)); got; })
`;
const batch = (declared: string, read: string) =>
  `${THIS_CPU}static used int ${declared};\nint take(int x) { return ${read} + x; }\n`;

const RO_AFTER_INIT = 'section(".data..ro_after_init")';
const limit = (declared: string) =>
  `static used int limit ${declared} = 3;\nint rest(int x) { return limit - x; }\n`;

const weights = (declared: string, before: string) =>
  `static ${declared} used int weights[4] = { 1, 2, 4, 8 };\nint weigh(int x) { ${before}return weights[x & 3]; }\n`;

const counter = (declared: string, step: string) =>
  `static used int ${declared};\nint count(int x) { return level += ${step}; }\n`;

/** A pipe is added to an epoll that is in another: paths of two steps are counted. */
const NESTED_EPOLL = `perl -e 'my $event = pack("LQ", 1, 0); my ($in, $out) = (syscall(291, 0), syscall(291, 0));
syscall(233, $out, 1, $in, $event); pipe(my $r, my $w); $! = 0;
print syscall(233, $in, 1, fileno($r), $event), " ", $! + 0, "\\n"'`;

const FILE = 'fs/drop_caches.c';
const TELLS: readonly [RegExp, string] = [
  /^(?=\tret = proc_dointvec_minmax\()/m,
  '\tpr_info("drop_caches: was %d\\n", sysctl_drop_caches);\n',
];

export const variableKinds: readonly Kind[] = [
  {
    kind: 'plain becomes per-cpu',
    verdict: otherKind,
    why: 'The new code would look for a copy of each CPU where there is one plain variable.',
    peers: OTHER_SECTION,
    fixture: {
      objects: { a: [batch('batch', 'batch'), batch('PERCPU batch', 'this_cpu(batch)')] },
      says: /batch was writable and is per-cpu now/,
    },
    subject: {
      edits: {
        'kernel/async.c': [
          [
            /^static async_cookie_t next_cookie = 1;/m,
            'static DEFINE_PER_CPU(async_cookie_t, next_cookie) = 1;',
          ],
          [/next_cookie\+\+/g, 'this_cpu_inc_return(next_cookie)'],
        ],
      },
      says: /next_cookie was writable and is per-cpu now/,
    },
  },
  {
    kind: 'per-cpu becomes plain',
    verdict: otherKind,
    why: 'The new code would use the offset of a per-cpu variable as an address.',
    peers: OTHER_SECTION,
    fixture: {
      objects: { a: [batch('PERCPU batch', 'this_cpu(batch)'), batch('batch', 'batch')] },
      says: /batch was per-cpu and is writable now/,
    },
    subject: {
      edits: {
        'fs/dcache.c': [
          [/^static DEFINE_PER_CPU\(long, nr_dentry\);/m, 'static long nr_dentry;'],
          [/this_cpu_inc\(nr_dentry\)/g, 'nr_dentry++'],
          [/this_cpu_dec\(nr_dentry\)/g, 'nr_dentry--'],
          [/per_cpu\(nr_dentry, i\)/g, 'nr_dentry'],
        ],
      },
      says: /nr_dentry was per-cpu and is writable now/,
    },
  },
  {
    kind: '__ro_after_init dropped',
    verdict: otherKind,
    why: 'The running variable is in memory that nobody can write to: the first write would fault.',
    peers: OTHER_SECTION,
    fixture: {
      objects: { a: [limit(RO_AFTER_INIT), limit('').replace('limit -', 'limit-- -')] },
      says: /limit was read-only after init and is writable now/,
    },
    subject: {
      edits: {
        'kernel/utsname.c': [
          [/^(static struct kmem_cache \*uts_ns_cache) __ro_after_init;/m, '$1;'],
          [
            /^(?=\tuts_ns = kmem_cache_alloc\(uts_ns_cache)/m,
            '\tWRITE_ONCE(uts_ns_cache, uts_ns_cache);\n',
          ],
        ],
      },
      says: /uts_ns_cache was read-only after init and is writable now/,
    },
  },
  {
    kind: '__ro_after_init added',
    verdict: otherKind,
    why: 'The running variable stays writable, and a new one would begin without its value.',
    peers: OTHER_SECTION,
    fixture: {
      objects: { a: [limit(''), limit(RO_AFTER_INIT).replace('- x', '- 2 * x')] },
      says: /limit was writable and is read-only after init now/,
    },
    subject: {
      edits: {
        [FILE]: [
          [/^int sysctl_drop_caches;/m, 'int sysctl_drop_caches __ro_after_init;'],
          [/^\tif \(write\) \{\n/m, '\tif (write && sysctl_drop_caches) {\n'],
        ],
      },
      says: /sysctl_drop_caches was writable and is read-only after init now/,
    },
  },
  {
    kind: 'const dropped',
    verdict: 'made',
    why: "The value of a constant is known: the new code has a variable of its own that begins with it. Only of one file's own, with no function's address in it and none handed out.",
    peers: OTHER_SECTION,
    fixture: {
      objects: { a: [weights('const', ''), weights('', 'weights[0] += x; ')] },
      changes: ['weigh', 'new weights'],
      says: /weights was read-only and is writable now: new code has a variable of its own/,
    },
    subject: {
      edits: {
        'fs/proc/array.c': [
          [/^static const char \* const task_state_array/m, 'static const char *task_state_array'],
          [
            /^(?=\treturn task_state_array)/m,
            '\tif (task_state_array[0][0] == \'R\')\n\t\ttask_state_array[0] = "r (asked)";\n',
          ],
        ],
      },
      says: /task_state_array was read-only and is writable now/,
      use: {
        run: 'for i in 1 2; do grep State: /proc/self/status; done',
        before: /^State:\tR \(running\)\nState:\tR \(running\)$/,
        applied: /^State:\tr \(asked\)\nState:\tr \(asked\)$/,
      },
    },
  },
  {
    kind: 'const added',
    verdict: 'made',
    why: 'The new code has a constant of its own. What is in the running variable is lost, and that is said.',
    peers: OTHER_SECTION,
    fixture: {
      objects: { a: [weights('', 'weights[0] += x; '), weights('const', '')] },
      changes: ['weigh', 'new weights'],
      says: /weights was writable and is read-only now: .*the value of the running variable is lost/,
    },
    subject: {
      edits: {
        'fs/eventpoll.c': [
          [
            /^static int path_count\[PATH_ARR_SIZE\];/m,
            'static const int path_count[PATH_ARR_SIZE] = { [1] = 1000 };',
          ],
          [/\+\+path_count\[nests\] >/, 'path_count[nests] >='],
          [
            /^\tfor \(i = 0; i < PATH_ARR_SIZE; i\+\+\)\n\t\tpath_count\[i\] = 0;\n/m,
            '\t(void)i;\n',
          ],
        ],
      },
      says: /path_count was writable and is read-only now: .*the value of the running variable is lost/,
      use: {
        run: NESTED_EPOLL,
        before: /^0 0$/,
        applied: /^-1 22$/,
      },
    },
  },
  {
    kind: 'from .bss to .data',
    verdict: 'made',
    why: 'It is the same variable in the running kernel, wherever the linker would put it now: it keeps its value, also at undo.',
    peers: OTHER_SECTION,
    fixture: {
      objects: { a: [counter('level', 'x'), counter('__read_mostly level', '2 * x')] },
      changes: ['count'],
    },
    subject: {
      edits: {
        [FILE]: [[/^int sysctl_drop_caches;/m, 'int sysctl_drop_caches __read_mostly;'], TELLS],
      },
      use: {
        first: `echo 4 >${DROP_CACHES}`,
        run: SAID_OF_2,
        before: /^$/,
        applied: /^drop_caches: was 2$/,
      },
    },
  },
];
