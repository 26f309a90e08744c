// The updates that the tests of the kernel core load.

import type { Program, Span } from '../../../src/program/program.js';
import type { Update } from './kbuild.js';

const module = (id: string, ...functions: string[]): Update => ({
  id,
  changes: [{ target: 'core_target', functions }],
});

/** Changes a byte of a function that no relocation and no site covers. */
function alter(program: Program, name: string): Program {
  const spans = program.spans.map((span): Span => {
    if (span.name !== name) return span;
    const covered = (at: number) =>
      span.items.some(({ offset, length }) => at >= offset && at < offset + length);
    const at = span.bytes.findIndex((_, index) => !covered(index));
    const bytes = Uint8Array.from(span.bytes, (byte, index) => (index === at ? byte ^ 0x01 : byte));
    return { ...span, bytes };
  });
  return { ...program, spans };
}

export const updates: readonly Update[] = [
  {
    id: 'plain',
    changes: [
      {
        target: 'core_target',
        functions: ['core_plain'],
        refs: [{ index: 0, symbol: 'scnprintf' }],
      },
    ],
  },
  module('again', 'core_plain'),
  module('bare', 'core_bare'),
  module('sleeper', 'core_sleeper'),
  module('label', 'core_label'),
  module('barelabel', 'core_bare_label'),
  module('short', 'core_short'),
  module('twin', 'core_twin'),
  {
    id: 'table',
    changes: [{ target: 'core_target', functions: ['core_plain'], data: ['core_table'] }],
  },
  {
    id: 'table2',
    changes: [{ target: 'core_target', functions: [], data: ['core_table'] }],
  },
  { id: 'builtin', changes: [{ target: 'vmlinux', functions: ['cmdline_proc_show'] }] },
  {
    id: 'pair',
    changes: [
      { target: 'core_target', functions: ['core_plain', 'core_bare', 'core_label'] },
      { target: 'vmlinux', functions: ['cmdline_proc_show'] },
    ],
  },
  {
    // Both are refused, and with one the other: all or nothing.
    id: 'halfbad',
    changes: [{ target: 'core_target', functions: ['core_plain', 'core_bare_label'] }],
  },
  {
    id: 'wrong',
    changes: [
      {
        target: 'core_target',
        functions: ['core_plain'],
        spoil: (program) => alter(program, 'core_bare'),
      },
    ],
  },
  {
    id: 'damaged',
    changes: [
      {
        target: 'core_target',
        functions: ['core_plain'],
        spoilBytes: (program) => {
          const copy = Buffer.from(program);
          // The count of spans: see struct ksplice_program.
          copy.writeUInt32LE(0x7fffffff, 24 + 8 + 8 + 4);
          return copy;
        },
      },
    ],
  },
  {
    id: 'badref',
    changes: [
      {
        target: 'core_target',
        functions: ['core_plain'],
        // What is there is another symbol's address.
        refs: [{ index: 1, symbol: 'scnprintf' }],
      },
    ],
  },
  {
    id: 'cookie',
    changes: [{ target: 'core_target', functions: ['core_plain'], newCookie: 7n }],
  },
  {
    id: 'count',
    changes: [{ target: 'core_target', functions: ['core_plain'] }],
    targetCount: 2,
  },
];
