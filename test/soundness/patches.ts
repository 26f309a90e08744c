// Patches that are damaged, or whose code runs elsewhere, has run, or is in new files.

import { TIMERFD } from './in-shell.js';
import type { Kind } from './kind.js';
import { DAMAGED, NEW_FILE, UNKNOWN, VDSO } from './peers.js';

const TREE = { 'net/a.c': 'one\ntwo\nthree\n', 'net/b.c': 'one\ntwo\nthree\n' };
const part = (file: string, header = '@@ -1,3 +1,3 @@') =>
  `--- a/net/${file}\n+++ b/net/${file}\n${header}\n one\n-two\n+2\n three\n`;

/** A change of each of two files: the second part is the damaged one. */
const TWO_FILES = {
  'fs/proc/cmdline.c': [
    [/^(static int cmdline_proc_show\([^{]*\{\n)/m, '$1\tseq_puts(m, "one ");\n'],
  ],
  'fs/proc/devices.c': [[/"Character devices/, '"character devices']],
} as const;

/** A patch that adds a file. */
const added = (path: string, text: string) => {
  const lines = text.trimEnd().split('\n');
  const head = `--- /dev/null\n+++ b/${path}\n@@ -0,0 +1,${lines.length} @@\n`;
  return head + lines.map((line) => `+${line}\n`).join('');
};

const VLAN_EXIT: readonly [RegExp, string] = [
  /^(static void __exit vlan_cleanup_module\(void\)\n\{\n)/m,
  '$1\tpr_info("vlan goes\\n");\n',
];

export const patchKinds: readonly Kind[] = [
  {
    kind: 'damaged hunk header',
    verdict: { refused: 'patch-failed' },
    why: 'A part of a change is another change. The line of the patch is told.',
    peers: DAMAGED,
    fixture: {
      tree: TREE,
      patch: part('a.c') + part('b.c', '@@ -1,3 +1,3@@'),
      says: /a\.patch:\d+/,
    },
    subject: {
      edits: TWO_FILES,
      patch: (patch) =>
        patch.replace(/(b\/fs\/proc\/devices\.c\t?\n@@ [-0-9, +]*?) @@/, (_, head) => `${head}@@`),
      says: /\.patch:\d+/,
    },
  },
  {
    kind: 'stray @@',
    verdict: { refused: 'patch-failed' },
    why: 'It may be what is left of a hunk.',
    peers: DAMAGED,
    fixture: {
      tree: TREE,
      patch: `${part('a.c')}@@\n${part('b.c')}`,
      says: /a\.patch:8\b/,
    },
    subject: {
      edits: TWO_FILES,
      patch: (patch) => patch.replace(/^--- a\/fs\/proc\/devices/m, '@@\n$&'),
      says: /\.patch:\d+/,
    },
  },
  {
    kind: 'new file',
    verdict: 'made',
    why: 'The Makefile beside it says what it belongs to: it becomes a part of the kernel proper, or of the module.',
    peers: NEW_FILE,
    fixture: {
      objects: {
        a: [
          'int show(int x) { return x; }\n',
          'extern int shown(int x);\nint show(int x) { return shown(x); }\n',
        ],
        b: ['', 'static int level;\nint shown(int x) { return level += x; }\n'],
      },
      changes: ['show', 'new shown', 'new level'],
    },
    subject: {
      edits: {
        'fs/Makefile': [[/^obj-\$\(CONFIG_TIMERFD\)[^\n]*\n/m, '$&obj-y += shown.o\n']],
        'fs/timerfd.c': [
          [/^(?=static void timerfd_show\()/m, 'int timerfd_shown(void);\n\n'],
          [
            /^(static void timerfd_show\([\s\S]*?)(?=\tseq_printf\(m,\n)/m,
            '$1\tseq_printf(m, "shows: %d\\n", timerfd_shown());\n',
          ],
        ],
      },
      patch: (patch) =>
        patch +
        added(
          'fs/shown.c',
          `// SPDX-License-Identifier: GPL-2.0
#include <linux/atomic.h>

static atomic_t shown = ATOMIC_INIT(40);

int timerfd_shown(void);
int timerfd_shown(void)
{
	return atomic_inc_return(&shown);
}
`,
        ),
      use: {
        first: TIMERFD,
        run: 'cat /proc/$holder/fdinfo/$fd /proc/$holder/fdinfo/$fd | grep -E "shows|clockid"',
        before: /^clockid: 1\nclockid: 1$/,
        applied: /^shows: 41\nclockid: 1\nshows: 42\nclockid: 1$/,
      },
    },
  },
  {
    kind: 'code of the vDSO',
    verdict: { refused: 'refused-change', detail: 'not-kernel-code' },
    why: 'It runs in user space, in pages that each program has got already.',
    peers: VDSO,
    fixture: {
      tree: { 'arch/x86/entry/vdso/vgetcpu.c': TREE['net/a.c'] },
      patch: part('a.c').replaceAll('net/a.c', 'arch/x86/entry/vdso/vgetcpu.c'),
      says: /vgetcpu\.c: .*vdso/i,
    },
    subject: {
      edits: {
        'arch/x86/entry/vdso/vgetcpu.c': [
          [
            /^\tvdso_read_cpunode\(cpu, node\);\n/m,
            '$&\tif (cpu && *cpu > 4095)\n\t\treturn -1;\n',
          ],
        ],
      },
      says: /vgetcpu\.c: .*vdso/i,
    },
  },
  {
    kind: '__exit text alone',
    verdict: { refused: 'no-changes' },
    why: 'A module can be unloaded when the update is undone, and runs its old one then.',
    peers: UNKNOWN,
    fixture: {
      objects: {
        a: [
          'void section(".exit.text") used leave(void) { printk("bye"); }\n',
          'void section(".exit.text") used leave(void) { printk("bye, bye"); }\n',
        ],
      },
      says: /leave \(\.exit\.text\) .*a module runs its old exit code/,
    },
    subject: {
      edits: {
        'net/8021q/vlan.c': [VLAN_EXIT],
      },
      says: /vlan_cleanup_module \(\.exit\.text\) .*a module runs its old exit code/,
    },
  },
  {
    kind: '__exit text beside other code',
    verdict: 'made',
    why: 'The same, with a note; the rest is as always.',
    peers: UNKNOWN,
    fixture: {
      objects: {
        a: [
          'void section(".exit.text") used leave(void) { printk("bye"); }\nint get(int x) { return x; }\n',
          'void section(".exit.text") used leave(void) { printk("bye, bye"); }\nint get(int x) { return x + 1; }\n',
        ],
      },
      changes: ['get'],
      says: /leave \(\.exit\.text\) .*a module runs its old exit code/,
    },
    subject: {
      edits: {
        'net/8021q/vlan.c': [VLAN_EXIT],
        'net/8021q/vlanproc.c': [[/^(\t\tseq_puts\(seq, "VLAN )Dev name/m, '$1dev name']],
      },
      says: /vlan_cleanup_module \(\.exit\.text\) .*a module runs its old exit code/,
      use: {
        first: 'modprobe 8021q',
        run: 'head -n 1 /proc/net/vlan/config | cut -d " " -f 1-3',
        before: /^VLAN Dev name/,
        applied: /^VLAN dev name/,
        last: 'rmmod 8021q',
      },
    },
  },
];
