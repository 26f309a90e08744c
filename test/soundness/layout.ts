// Types of data that change, with objects of them that are there before.

import type { Kind } from './kind.js';

/** A holder of a timerfd, whose fdinfo is read. */
const TIMERFD = `perl -e 'open my $f, "+<&=", syscall(283, 1, 0) or die; print STDERR fileno($f), "\\n"; sleep 1000' 2>/run/timerfd &
holder=$!; until [ -s /run/timerfd ]; do sleep 0.1; done; read -r fd </run/timerfd`;

const COUNTER = `struct item { long size; int users; };
struct item *first;
int use(void) { return first->users++; }
int size(void) { return (int)first->size; }
`;

export const layoutKinds: readonly Kind[] = [
  {
    kind: 'member in front',
    verdict: { refused: 'refused-change', detail: 'layout-changed' },
    why: 'Objects exist, and the new code would find each member in the place of another.',
    peers: { kpatch: 'not checked', livepatch: 'not checked', ksplice: 'not checked' },
    fixture: {
      objects: {
        a: [
          COUNTER,
          COUNTER.replace('{ long', '{ long uses; long').replace('++', '++ + (int)first->uses++'),
        ],
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
    kind: 'member in a hole',
    verdict: 'made',
    why: 'No member moves, and existing objects have the room. What is in it there is told.',
    peers: { kpatch: 'not checked', livepatch: 'not checked', ksplice: 'not checked' },
    fixture: {
      objects: {
        a: [COUNTER, COUNTER.replace('users;', 'users, uses;').replace('++', '++ + first->uses++')],
      },
      changes: ['use'],
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
];
