// Functions whose addresses are stored somewhere: a callback under another name, and one that new code
// hands out.

import type { Kind } from './kind.js';
import { UNKNOWN } from './peers.js';

const OPEN = (shown: string) => `int open(void) { return give(${shown}); }`;
const SHOW = (name: string, add: number) =>
  `extern int give(int (*show)(int));\nstatic int ${name}(int x) { return printk("%d", x + ${add}); }\n`;
const FILE = 'fs/proc/base.c';

export const callbackKinds: readonly Kind[] = [
  {
    kind: 'callback under another name',
    verdict: 'made',
    why: 'It is in the place of the one that is gone, and has its address: who was given that gets to the new code, and nothing dangles after undo.',
    peers: {
      ...UNKNOWN,
      kpatch: 'a function that is gone, and a new one',
    },
    fixture: {
      objects: { a: [SHOW('shown', 1) + OPEN('shown'), SHOW('told', 2) + OPEN('told')] },
      changes: ['told'],
      says: /told is the function that was called shown/,
    },
    subject: {
      edits: {
        [FILE]: [
          [/\btimens_offsets_show\b/g, 'offsets_show'],
          [
            /^(static int offsets_show\([^{]*\{\n\tstruct task_struct \*p;\n\n)/m,
            '$1\tseq_puts(m, "offsets:\\n");\n',
          ],
        ],
      },
      says: /offsets_show is the function that was called timens_offsets_show/,
      use: {
        first: 'exec 7</proc/$$/timens_offsets',
        run: 'cat /proc/$$/timens_offsets',
        before: /^monotonic/,
        applied: /^offsets:\nmonotonic/,
        last: 'cat <&7',
      },
    },
  },
  {
    kind: 'callback that new code hands out',
    verdict: 'made',
    why: 'The old code comes back at undo. The new code stays loaded, since somebody may call it back, until the next boot or until the operator lets it go.',
    peers: UNKNOWN,
    fixture: {
      objects: {
        a: [
          SHOW('shown', 1) + OPEN('shown'),
          `${SHOW('shown', 1)}static int more(int x) { return shown(x) + 1; }\n${OPEN('more')}\nint own(void) { return give(shown); }`,
        ],
      },
      changes: ['new more', 'new own', 'open'],
    },
    subject: {
      edits: {
        [FILE]: [
          [
            /^(static int timens_offsets_open\([^{]*\{\n\treturn single_open\(filp, )(timens_offsets_show)/m,
            'static int loud_show(struct seq_file *m, void *v)\n{\n\tseq_puts(m, "loud\\n");\n\treturn timens_offsets_show(m, v);\n}\n\n$1filp->f_flags & O_NONBLOCK ? $2 : loud_show',
          ],
        ],
      },
      use: {
        run: 'cat /proc/$$/timens_offsets',
        before: /^monotonic/,
        applied: /^loud\nmonotonic/,
        stays: true,
      },
    },
  },
];
