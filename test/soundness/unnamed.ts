// Types that have no name of their own, and types of variables inside of functions.

import { TIMERFD } from './in-shell.js';
import type { Kind } from './kind.js';
import { refused } from './layout.js';
import { LAYOUT } from './peers.js';

/** The number of the system call. */
const SELECT = 23;

const walk = (members: string, start: string) => `typedef struct { ${members} } walk_t;
extern int visit(long where);
static noinline int step(walk_t *walk) { return visit(walk->at) + walk->seen++; }
int start(long at) { walk_t walk = { ${start} }; return step(&walk) + walk.seen; }
`;

const range = (members: string) => `struct map { struct { ${members} } range; };
struct map *map;
int take(int x) { map->range.from += x; return map->range.to - map->range.from; }
`;

const state = (enumerators: string) => `struct job { enum { ${enumerators} } state; } *job;
int ask(void) { return job->state == BUSY; }
`;

const POINTED = (mark: string) => `struct count { int hits; };
struct job {
	struct count ${mark} *all;
} *job;
int hit(void) { return job->all->hits++; }
`;

export const unnamedKinds: readonly Kind[] = [
  {
    kind: 'members exchanged in a struct without a name',
    verdict: refused,
    why: 'Each member is where another was, as in a struct with a name.',
    peers: LAYOUT,
    fixture: {
      objects: { a: [range('int from; int to;'), range('int to; int from;')] },
      says: /struct map/,
    },
    subject: {
      edits: {
        'kernel/trace/trace_events_hist.c': [
          [
            /^(\t\t\tchar\t+\*event;\n)(\t\t\tchar\t+\*event_system;\n)(?=\t\t\} match_data;)/m,
            '$2$1',
          ],
        ],
      },
      says: /struct action_data/,
    },
  },
  {
    kind: 'enumerator value of an enum without a name',
    verdict: refused,
    why: 'Values that are stored mean something else, as with an enum that has a name.',
    peers: LAYOUT,
    fixture: {
      objects: { a: [state('IDLE, BUSY'), state('IDLE, READY, BUSY')] },
      says: /struct job/,
    },
    subject: {
      edits: {
        'drivers/char/random.c': [
          [/\bCRNG_EARLY = 1\b/, 'CRNG_EARLY = 2'],
          [/\bCRNG_READY = 2\b/, 'CRNG_READY = 3'],
        ],
      },
      says: /crng_init/,
    },
  },
  {
    kind: 'static local of another type',
    verdict: refused,
    why: 'Its running value is taken for something else, as that of a variable outside of functions.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [
          'extern void *get(void);\nlong take(long x) { static void *kept; if (!kept) kept = get(); return *(long *)kept + x; }\n',
          'long take(long x) { static long kept; if (!kept) kept = x; return kept + x; }\n',
        ],
      },
      says: /kept/,
    },
    subject: {
      edits: {
        'fs/drop_caches.c': [
          [/^\t\tstatic int stfu;\n/m, '\t\tstatic unsigned int stfu;\n'],
          [/\bif \(!stfu\)/, 'if (stfu / 3 == 0)'],
        ],
      },
      says: /stfu/,
    },
  },
  {
    kind: 'struct without a name on stacks only',
    verdict: 'made',
    why: 'The same: such a struct goes by the name of its typedef.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [
          walk('long at; int seen;', '.at = at'),
          walk('long from; long at; int seen;', '.from = at, .at = at + 1'),
        ],
      },
      changes: ['start', 'step'],
      says: /walk_t changes .*is only on stacks of functions that are replaced/,
    },
    subject: {
      edits: {
        'fs/select.c': [
          [/^typedef struct \{\n(?=\tunsigned long \*in, \*out, \*ex;)/m, '$&\tint given;\n'],
          [/^\tfds\.in +=/gm, '\tfds.given = !!inp + !!outp + !!exp;\n$&'],
          [
            /^(static noinline_for_stack int do_select\([\s\S]*?)(?=\trcu_read_lock)/m,
            '$1\tif (fds->given == 3 && !n)\n\t\treturn -EDOM;\n\n',
          ],
        ],
      },
      says: /fd_set_bits changes .*is only on stacks of functions that are replaced/,
      use: {
        run: `perl -e 'my ($r, $w, $x, $t) = ("\\0" x 128, "\\0" x 128, "\\0" x 128, pack("qq", 0, 0)); for my $last ($x, 0) { $! = 0; print syscall(${SELECT}, 0, $r, $w, $last, $t), " ", $! + 0, "\\n" }'`,
        before: /^0 0\n0 0$/,
        applied: /^-1 33\n0 0$/,
      },
    },
  },
  {
    kind: 'members grouped in another way',
    verdict: 'made',
    why: 'Each member keeps its place, its type and its name: struct_group() only gives some of them a name together.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [
          'struct job { int size; short from; short to; } *job;\nint take(void) { return job->from++; }\n',
          'struct job { int size; union { struct { short from; short to; }; struct { short from; short to; } range; }; } *job;\nint take(void) { return job->range.from++ + job->to; }\n',
        ],
      },
      changes: ['take'],
    },
    subject: {
      edits: {
        'fs/timerfd.c': [
          [
            /^(\tshort unsigned expired;\n\tshort unsigned settime_flags;[^\n]*\n)/m,
            '\tstruct_group(state,\n$1\t);\n',
          ],
          [
            /^(static void timerfd_show\([\s\S]*?)(?=\tseq_printf\(m,\n)/m,
            '$1\tseq_printf(m, "state: %*ph\\n", (int)sizeof(ctx->state), &ctx->state);\n',
          ],
        ],
      },
      use: {
        first: TIMERFD,
        run: 'grep -E "state|clockid" /proc/$holder/fdinfo/$fd',
        before: /^clockid: 1$/,
        applied: /^state: 00 00 00 00\nclockid: 1$/,
      },
    },
  },
  {
    kind: 'enumerator of more than 32 bits',
    verdict: refused,
    why: 'The same as with smaller values, though the compiler leaves the upper half of them out of BTF.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [
          'enum kind { ONE = 1, FAR = 1ULL << 40 };\nlong kept;\nint ask(void) { return !!(kept & FAR) + ONE; }\n',
          'enum kind { ONE = 1, FAR = 1ULL << 41 };\nlong kept;\nint ask(void) { return !!(kept & FAR) + ONE; }\n',
        ],
      },
      says: /enum kind: FAR was 1099511627776, and would be 2199023255552/,
    },
    subject: {
      edits: {
        'net/openvswitch/datapath.h': [
          [/(OVS_PACKET_HASH_SW_BIT = )\(1ULL << 32\)/, '$1(1ULL << 33)'],
          [/(OVS_PACKET_HASH_L4_BIT = )\(1ULL << 33\)/, '$1(1ULL << 32)'],
        ],
      },
      says: /OVS_PACKET_HASH_SW_BIT was 4294967296, and would be 8589934592/,
    },
  },
  {
    kind: 'pointer that becomes one to per-cpu data, or stops being so',
    verdict: refused,
    why: 'It is an offset in one case and an address in the other. The compiler knows no difference, and the source tells it.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [
          `#define __percpu\n${POINTED('')}`,
          `#define __percpu\n${POINTED('__percpu').replace('->hits++', '->hits += 2')}`,
        ],
      },
      says: /struct job: all was an ordinary pointer, and would be a pointer to per-cpu data/,
    },
    subject: {
      edits: {
        'kernel/trace/trace_functions_graph.c': [
          [/(struct fgraph_cpu_data) __percpu (\*cpu_data;)/, '$1 $2'],
          [/per_cpu_ptr\(data->cpu_data, cpu\)->/g, 'data->cpu_data[cpu].'],
        ],
      },
      says: /struct fgraph_data: cpu_data was a pointer to per-cpu data, and would be an ordinary pointer/,
    },
  },
];
