// Variables and constants that become something else, or come.

import type { Kind } from './kind.js';

const TABLE = `struct ops { int (*get)(int); int (*put)(int); };
static int get(int x) { return x + 1; }
static int put(int x) { return x + 2; }
`;
const POINTER =
  'static const struct ops ops = { get, put };\nconst struct ops *the_ops(void) { return &ops; }\n';

export const variableKinds: readonly Kind[] = [
  {
    kind: 'new function in a table',
    verdict: 'made',
    why: 'The table keeps its address, and its new content is written over the old in the stop.',
    peers: { kpatch: 'not checked', livepatch: 'not checked', ksplice: 'not checked' },
    fixture: {
      objects: {
        a: [
          TABLE + POINTER,
          `${TABLE}static int most(int x) { return x + 3; }\n${POINTER.replace('put', 'most')}`,
        ],
      },
      changes: ['write ops', 'new most'],
    },
    subject: {
      edits: {
        'drivers/char/mem.c': [
          [
            /^static const struct file_operations full_fops = \{/m,
            'static ssize_t write_busy(struct file *file, const char __user *buf,\n\t\t\t  size_t count, loff_t *ppos)\n{\n\treturn -EBUSY;\n}\n\n$&',
          ],
          [
            /^(static const struct file_operations full_fops [^}]*?\.write\t*= )write_full/m,
            '$1write_busy',
          ],
        ],
      },
      use: {
        first: 'exec 7>/dev/full',
        run: 'printf x >&7; printf x >/dev/full',
        before: /^(.*No space left on device\n?){2}$/,
        applied: /^(.*Device or resource busy\n?){2}$/,
      },
    },
  },
];
