// Types of data that change, with objects of them that are there before.

import { SIGNALFD, TIMERFD } from './in-shell.js';
import type { Kind } from './kind.js';
import { LAYOUT, NOT_CHECKED } from './peers.js';

/** Types that do not fit the objects that exist. */
export const refused = { refused: 'refused-change', detail: 'layout-changed' } as const;

/** C before a change, and what makes the other side of it. */
const ITEM = `struct item { long size; int users; };
struct item *first;
int use(void) { return first->users++; }
int size(void) { return (int)first->size; }
`;
const item = (members: string, use: string) =>
  ITEM.replace('long size; int users;', members).replace('first->users++', use);

const state = (enumerators: string, ask: string) => `enum state { ${enumerators} };
struct job { enum state state; } *job;
int ask(void) { return ${ask}; }
`;

const walk = (members: string, start: string) => `struct walk { ${members} };
extern int visit(long where);
static noinline int step(struct walk *walk) { return visit(walk->at) + walk->seen++; }
int start(long at) { struct walk walk = { ${start} }; return step(&walk) + walk.seen; }
`;

const TAKEN = `extern char *cb;
int other(void) { return ((struct walk *)cb)->seen; }
`;

export const layoutKinds: readonly Kind[] = [
  {
    kind: 'member in front',
    verdict: refused,
    why: 'Objects exist, and the new code would find each member in the place of another.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [ITEM, item('long uses; long size; int users;', 'first->users++ + (int)first->uses++')],
      },
      says: /struct item: [\s\S]*size moves from byte 0 to byte 8/,
    },
    subject: {
      edits: {
        'fs/signalfd.c': [
          [/^(struct signalfd_ctx \{\n)/m, '$1\tunsigned long shown;\n'],
          [/^\tsigmask = ctx->sigmask;\n/m, '\tctx->shown++;\n$&'],
        ],
      },
      says: /struct signalfd_ctx: [\s\S]*sigmask moves from byte 0 to byte 8/,
    },
  },
  {
    kind: 'member at the end',
    verdict: refused,
    why: 'Existing objects are as long as they were made. What is behind them belongs to others.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [ITEM, item('long size; int users; long last;', 'first->last = first->users++')],
      },
      says: /struct item: its size grows from 16 to 24 bytes: existing objects are too short/,
    },
    subject: {
      edits: {
        'fs/timerfd.c': [
          [/^\tbool might_cancel;\n/m, '$&\tu64 shows;\n'],
          [
            /^(static void timerfd_show\([\s\S]*?)(?=\tseq_printf\(m,\n)/m,
            '$1\tseq_printf(m, "shows: %llu\\n", ++ctx->shows);\n',
          ],
        ],
      },
      says: /struct timerfd_ctx: its size grows from \d+ to \d+ bytes[\s\S]*\+ \S.* shows;/,
    },
  },
  {
    kind: 'member in a hole',
    verdict: 'made',
    why: 'No member moves, and existing objects have the room. What is in it there is told.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [ITEM, item('long size; int users, uses;', 'first->users++ + first->uses++')],
      },
      changes: ['use'],
      says: /struct item: uses is new, where there was a hole/,
    },
    subject: {
      edits: {
        'fs/timerfd.c': [
          [/^\tbool might_cancel;\n/m, '$&\tunsigned char shows;\n'],
          [
            /^(static void timerfd_show\([\s\S]*?)(?=\tseq_printf\(m,\n)/m,
            '$1\tseq_printf(m, "shows: %u\\n", ++ctx->shows);\n',
          ],
        ],
      },
      says: /struct timerfd_ctx: shows is new, where there was a hole/,
      use: {
        first: TIMERFD,
        run: 'cat /proc/$holder/fdinfo/$fd /proc/$holder/fdinfo/$fd | grep -E "shows|clockid"',
        before: /^clockid: 1\nclockid: 1$/,
        applied: /^shows: 1\nclockid: 1\nshows: 2\nclockid: 1$/,
      },
    },
  },
  {
    kind: 'member renamed in place',
    verdict: 'made',
    why: 'A name is not in memory. It is told, since another name may be another meaning.',
    peers: LAYOUT,
    fixture: {
      objects: { a: [ITEM, item('long size; int holders;', 'first->holders += 2')] },
      changes: ['use'],
      says: /struct item: users is called holders now/,
    },
    subject: {
      edits: {
        'fs/signalfd.c': [
          [/^(struct signalfd_ctx \{\n\tsigset_t )sigmask;/m, '$1awaited;'],
          [/ctx->sigmask/g, 'ctx->awaited'],
          [/"sigmask:/, '"awaited:'],
        ],
      },
      says: /struct signalfd_ctx: sigmask is called awaited now/,
      use: {
        first: SIGNALFD,
        run: 'grep -E "sigmask|awaited" /proc/$holder/fdinfo/$fd',
        before: /^sigmask:\t0000000000000200$/,
        applied: /^awaited:\t0000000000000200$/,
      },
    },
  },
  {
    kind: 'enumerator value changed',
    verdict: refused,
    why: 'Values that are stored somewhere would mean something else.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [
          state('IDLE, BUSY', 'job->state == BUSY'),
          state('IDLE, READY, BUSY', 'job->state == BUSY'),
        ],
      },
      says: /enum state: BUSY was 1, and would be 2/,
    },
    subject: {
      edits: {
        'fs/proc/task_mmu.c': [[/^(\tCLEAR_REFS_ANON,\n)(\tCLEAR_REFS_MAPPED,\n)/m, '$2$1']],
      },
      says: /enum clear_refs_types: [\s\S]*CLEAR_REFS_ANON was 2, and would be 3/,
    },
  },
  {
    kind: 'enumerator at the end',
    verdict: 'made',
    why: 'Stored values keep their meaning, and nothing that runs has the new one. A last one that only counts goes up: that is told.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [
          state('IDLE, BUSY, NR_STATES', 'job->state < NR_STATES'),
          state('IDLE, BUSY, DONE, NR_STATES', 'job->state < NR_STATES'),
        ],
      },
      changes: ['ask'],
      says: /enum state: NR_STATES, which counts the enumerators, was 2, is 3/,
    },
    subject: {
      edits: {
        'fs/proc/task_mmu.c': [[/^(?=\tCLEAR_REFS_LAST,\n)/m, '\tCLEAR_REFS_NOTHING,\n']],
      },
      says: /enum clear_refs_types: CLEAR_REFS_LAST, which counts the enumerators, was 6, is 7/,
      use: {
        run: 'for type in 1 6 7; do echo $type >/proc/$$/clear_refs && echo done; done',
        before: /^done\n.*Invalid argument\n.*Invalid argument$/,
        applied: /^done\ndone\n.*Invalid argument$/,
      },
    },
  },
  {
    kind: 'struct on stacks only',
    verdict: 'made',
    why: 'All functions that have one are replaced, and no task is in them at the switch: no object is alive.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [
          walk('long at; int seen;', '.at = at'),
          walk('long from; long at; int seen;', '.from = at, .at = at + 1'),
        ],
      },
      changes: ['start', 'step'],
      says: /struct walk changes .*is only on stacks of functions that are replaced/,
    },
    subject: {
      edits: {
        'fs/d_path.c': [
          [/^struct prepend_buffer \{\n/m, '$&\tint names;\n'],
          [/^(static bool prepend_name\([\s\S]*?)(?=\treturn prepend\()/m, '$1\tp->names++;\n'],
          [
            /^(static char \*extract_string\([^{]*\{\n)/m,
            '$1\tif (p->names == 24)\n\t\treturn ERR_PTR(-ELOOP);\n',
          ],
        ],
      },
      says: /struct prepend_buffer changes .*is only on stacks of functions that are replaced/,
      use: {
        first: 'd=/run; for i in $(seq 22); do d=$d/x; done; mkdir -p $d/x; cd $d',
        run: 'readlink /proc/self/cwd && cd x && readlink /proc/self/cwd; cd $d',
        before: /^\/run(\/x){22}\n\/run(\/x){23}$/,
        applied: /^\/run(\/x){22}$/,
        last: 'cd /',
      },
    },
  },
  {
    kind: 'struct on stacks that other memory is taken for',
    verdict: refused,
    why: 'A cast, container_of(), or a void pointer that is passed on makes one of what may live anywhere.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [
          `${walk('long at; int seen;', '.at = at')}${TAKEN}`,
          `${walk('long from; long at; int seen;', '.from = at, .at = at + 1')}${TAKEN}`,
        ],
      },
      says: /struct walk: [\s\S]*a\.c:\d+ casts to it/,
    },
    subject: {
      edits: {
        'fs/d_path.c': [
          [/^struct prepend_buffer \{\n/m, '$&\tint names;\n'],
          [
            /^(static char \*extract_string\([^{]*\{\n)/m,
            '$1\tif (((struct prepend_buffer *)p->buf)->names == 24)\n\t\treturn ERR_PTR(-ELOOP);\n',
          ],
        ],
      },
      says: /struct prepend_buffer: [\s\S]*fs\/d_path\.c:\d+ casts to it/,
    },
  },
  {
    kind: 'member behind an array without a length',
    verdict: refused,
    why: 'What looks like padding there holds elements of the array.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [
          item('long size; char users; char name[0];', 'first->users++ + first->name[0]'),
          item(
            'long size; char users; char name[0]; char uses;',
            'first->users++ + first->name[0] + first->uses++',
          ),
        ],
      },
      says: /struct item: uses is new, byte 9, where elements of an array may be/,
    },
    subject: {
      edits: {
        'fs/ext4/dir.c': [
          [
            /^(struct fname \{[\s\S]*?)\tchar(\s+)name\[\];/m,
            '$1\tchar$2name[0];\n\tunsigned char seen;',
          ],
          [/^\tif \(!fname\) \{\n/m, '\tif (fname)\n\t\tfname->seen++;\n$&'],
        ],
      },
      says: /struct fname: seen is new, byte \d+, where elements of an array may be/,
    },
  },
  {
    kind: 'last enumerator that is a value',
    verdict: refused,
    why: 'It is stored or asked for: what was stored means something else then, whatever its name.',
    peers: LAYOUT,
    fixture: {
      objects: {
        a: [
          state('IDLE, BUSY, STATE_LAST', 'job->state == STATE_LAST'),
          state('IDLE, BUSY, DONE, STATE_LAST', 'job->state == STATE_LAST'),
        ],
      },
      says: /enum state: STATE_LAST was 2, and would be 3: a\.c:\d+ asks whether something is it/,
    },
    subject: {
      edits: {
        'fs/proc/task_mmu.c': [
          [/^(?=\tCLEAR_REFS_LAST,\n)/m, '\tCLEAR_REFS_NOTHING,\n'],
          [/\btype >= CLEAR_REFS_LAST\b/, 'type == CLEAR_REFS_LAST'],
        ],
      },
      says: /enum clear_refs_types: CLEAR_REFS_LAST was 6, and would be 7: fs\/proc\/task_mmu\.c:\d+ asks/,
    },
  },
  {
    kind: 'prototype of an exported function',
    verdict: refused,
    why: 'Modules that the update does not compile go on calling it as before.',
    peers: {
      kpatch:
        'told, if the checksum of the export changes (`Version disagreement`); its guide says not to',
      livepatch: 'left to the author',
      ksplice: NOT_CHECKED,
    },
    fixture: {
      objects: {
        a: [
          'EXPORT_SYMBOL(take);\nint take(int x) { return x + 1; }\n',
          'EXPORT_SYMBOL(take);\nint take(long x) { return (int)(x >> 32) + 1; }\n',
        ],
      },
      says: /the function take: [\s\S]*int take\(int\)[\s\S]*int take\(long int\)/,
    },
    subject: {
      edits: {
        'include/linux/base64.h': [[/^int base64_encode\(/m, 'long base64_encode(']],
        'lib/base64.c': [
          [/^int (?=base64_encode\()/m, 'long '],
          [
            /^(?=\treturn cp - dst;\n\}\nEXPORT_SYMBOL_GPL\(base64_encode\))/m,
            '\tif (cp == dst)\n\t\treturn 1L << 40;\n',
          ],
        ],
      },
      says: /the function base64_encode: /,
    },
  },
];
