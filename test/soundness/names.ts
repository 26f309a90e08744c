// Variables and functions that lose their name or place, or have those of others.

import { DROP_CACHES, SAID_OF_2 } from './in-shell.js';
import type { Kind } from './kind.js';
import { NOT_CHECKED, OTHER_OBJECT, TAKEN_NAME, UNKNOWN } from './peers.js';

const FILE = 'fs/drop_caches.c';
const ALIAS = `int one(int x) { return x + 1; }
int two(int x) { return x + 2; }
extern int other(int x) __attribute__((alias("OF")));
int three(int x) { return x + 3; }
`;

export const nameKinds: readonly Kind[] = [
  {
    kind: 'static local, one of two',
    verdict: { refused: 'refused-change', detail: 'ambiguous-static' },
    why: 'One function loses a static variable, and another gains one of that name: it may be the old one, or a new one.',
    peers: {
      kpatch: 'refused: its guide says that removed references to static locals fail',
      livepatch: 'the module that its author writes names the variable',
      ksplice: NOT_CHECKED,
    },
    fixture: {
      objects: {
        a: [
          'int one(int x) { static int seen; return seen += x; }\nint two(int x) { return x; }\n',
          'int one(int x) { return x; }\nint two(int x) { static int seen; return seen += x; }\n',
        ],
      },
      says: /seen\.\d+: the objects do not show whether seen\.\d+ is one of the old static locals of that name/,
    },
    subject: {
      edits: {
        [FILE]: [
          [/^\t\tstatic int stfu;\n/m, '\t\tint stfu = 0;\n'],
          [
            /^\tstruct inode \*inode, \*toput_inode = NULL;\n/m,
            '$&\tstatic int stfu;\n\n\tif (stfu++ > 1000000)\n\t\treturn;\n',
          ],
        ],
      },
      says: /stfu\.\d+: the objects do not show whether stfu\.\d+ is one of the old static locals of that name/,
    },
  },
  {
    kind: 'static local in a new function',
    verdict: 'made',
    why: "It can be seen where the code went: the new function is called by the old variable's user, and was part of it. The variable is the running one, and a note says so.",
    peers: {
      kpatch: 'refused: the reference to the static local is gone from its function',
      livepatch: 'the module that its author writes names the variable',
      ksplice: NOT_CHECKED,
    },
    fixture: {
      objects: {
        a: [
          'int one(int x) { static int seen; return (seen += x) + 1; }\n',
          'static noinline int part(int x) { static int seen; return seen += x; }\nint one(int x) { return part(x) + 1; }\n',
        ],
      },
      changes: ['one', 'new part'],
      says: /seen\.\d+ is the running kernel's seen\.\d+: used by one, of which part was a part/,
    },
    subject: {
      edits: {
        [FILE]: [
          [
            /^(?=int drop_caches_sysctl_handler\()/m,
            `static noinline void tell(void)
{
	static int stfu;

	if (!stfu)
		pr_info("%s (%d): drop_caches: %d\\n", current->comm,
			task_pid_nr(current), sysctl_drop_caches);
	else
		pr_info("drop_caches: quiet %d\\n", stfu);
	stfu |= sysctl_drop_caches & 4;
}

`,
          ],
          [/^\t\tstatic int stfu;\n\n/m, ''],
          [/^\t\tif \(!stfu\) \{[\s\S]*?stfu \|= sysctl_drop_caches & 4;\n/m, '\t\ttell();\n'],
        ],
      },
      says: /stfu\.\d+ is the running kernel's stfu\.\d+: used by drop_caches_sysctl_handler, of which tell was a part/,
      use: {
        first: `echo 4 >${DROP_CACHES}`,
        run: SAID_OF_2,
        before: /^$/,
        applied: /^drop_caches: quiet 4$/,
      },
    },
  },
  {
    kind: 'variable under another name',
    verdict: 'made',
    why: 'A variable is known by its name. One of another name is new, and begins with its initial value: what was in the old one is lost. A note says so.',
    peers: UNKNOWN,
    fixture: {
      objects: {
        a: [
          'static used int level;\nint raise(int x) { return level += x; }\n',
          'static used int height;\nint raise(int x) { return height += x; }\n',
        ],
      },
      changes: ['raise', 'new height'],
      says: /level is gone, and raise\(\) uses height instead, which is new/,
    },
    subject: {
      edits: { [FILE]: [[/\bstfu\b/g, 'quiet']] },
      says: /stfu is gone, and \w+\(\) uses quiet instead/,
      use: {
        first: `echo 4 >${DROP_CACHES}`,
        run: SAID_OF_2,
        before: /^$/,
        applied: /^drop_caches: 2$/,
      },
    },
  },
  {
    kind: 'new global with a name that is taken',
    verdict: { refused: 'refused-change', detail: 'name-taken' },
    why: 'A link of the whole kernel would fail, or make one variable of the two.',
    peers: TAKEN_NAME,
    fixture: {
      objects: {
        a: [
          'int get(int x) { return x; }\n',
          'int depth = 4;\nint get(int x) { return x + depth++; }\n',
        ],
      },
      known: { depth: 'D' },
      says: /depth is new here, and vmlinux has one in another object/,
    },
    subject: {
      edits: {
        'fs/proc/cmdline.c': [
          [/^(?=static int cmdline_proc_show)/m, 'int max_lock_depth = 4;\n\n'],
          [
            /^(static int cmdline_proc_show\([^{]*\{\n)/m,
            '$1\tseq_printf(m, "%d ", max_lock_depth++);\n',
          ],
        ],
      },
      says: /max_lock_depth is new here, and vmlinux has one in another object/,
    },
  },
  {
    kind: 'strong beside __weak',
    verdict: { refused: 'refused-change', detail: 'name-taken' },
    why: 'A link would take the strong one everywhere. The running code goes on with the weak one.',
    peers: OTHER_OBJECT,
    fixture: {
      objects: {
        a: [
          'int get(int x) { return x; }\n',
          'int depth(void) { return 4; }\nint get(int x) { return x + 1; }\n',
        ],
      },
      known: { depth: 'W' },
      says: /depth is new here, and vmlinux has a weak definition of it in another object/,
    },
    subject: {
      edits: {
        'fs/proc/cmdline.c': [
          [
            /^(?=static int cmdline_proc_show)/m,
            'void stop_machine_yield(const struct cpumask *cpumask);\nvoid stop_machine_yield(const struct cpumask *cpumask)\n{\n\tcpu_relax();\n}\n\n',
          ],
          [/^(static int cmdline_proc_show\([^{]*\{\n)/m, '$1\tseq_puts(m, "new ");\n'],
        ],
      },
      says: /stop_machine_yield is new here, and vmlinux has a weak definition of it in another object/,
    },
  },
  {
    kind: 'global moved to another file',
    verdict: { refused: 'refused-change', detail: 'moved' },
    why: 'For each of the two objects it is another variable: the running value would be left behind.',
    peers: OTHER_OBJECT,
    fixture: {
      objects: {
        a: [
          'int level = 5;\nint raise(int x) { return level += x; }\n',
          'extern int level;\nint raise(int x) { return level += x; }\n',
        ],
        b: [
          'int other(int x) { return x; }\n',
          'int level = 5;\nint other(int x) { return x + level; }\n',
        ],
      },
      says: /level moved here from a\.o; the new code would lose the running variable/,
    },
    subject: {
      edits: {
        [FILE]: [[/^int sysctl_drop_caches;\n/m, '']],
        'fs/sync.c': [
          [/^(?=void ksys_sync\(void\)\n)/m, 'int sysctl_drop_caches;\n\n'],
          [
            /^(void ksys_sync\(void\)\n\{\n[^\n]*\n)/m,
            '$1\n\tif (sysctl_drop_caches < 0)\n\t\treturn;\n',
          ],
        ],
      },
      says: /sysctl_drop_caches moved here from fs\/drop_caches\.o/,
    },
  },
  {
    kind: 'alias of another function',
    verdict: { refused: 'refused-change', detail: 'alias-moved' },
    why: 'Who calls it by that name has the address of the other function, and would go on so.',
    peers: UNKNOWN,
    fixture: {
      objects: {
        a: [ALIAS.replace('OF', 'one'), ALIAS.replace('OF', 'two').replace('+ 3', '+ 4')],
      },
      says: /is a name of two now/,
    },
    subject: {
      edits: {
        'lib/crc32.c': [
          [/^(u32 __pure crc32_be_base\([^)]*\) __alias\()crc32_be\)/m, '$1crc32_le)'],
          [
            /^(u32 __attribute_const__ __crc32c_le_shift\([^{]*\{\n)/m,
            '$1\tif (len == 4711)\n\t\treturn 0;\n\n',
          ],
        ],
      },
      says: /crc32_be_base/,
    },
  },
];
