// What is taken out of the ways in which new code and probes get along.

import type { Mutant } from './mutant.js';

export const probeMutants: readonly Mutant[] = [
  {
    without: 'the list of functions closed to kprobes',
    file: 'src/diff/table-kinds.ts',
    find: '  _kprobe_blacklist: pointers,\n',
    replace: '',
    tests: 'test/vm/probes.test.ts',
    only: 'may not be probed either',
  },
  {
    without: 'what is closed to kprobes by its name or section',
    file: 'src/extract/assembly.ts',
    find: '    this.closeToKprobes(object);\n',
    replace: '',
    tests: 'test/extract/kprobe-blacklist.test.ts',
  },
  {
    without: 'the note on functions that the running kernel does not close',
    file: 'src/diff/decide.ts',
    find: 'of newlyListed(comparison.pre.parts.object, parts.object)',
    replace: 'of [] as string[]',
    tests: 'test/diff/fixtures.test.ts',
    only: 'fixtures nokprobe',
  },
  {
    without: 'names of its own for new code',
    file: 'src/module/new-code-names.ts',
    find: 'if (whole.length <= room) return whole + suffix + cold;',
    replace: 'if (whole.length <= room) return name;',
    tests: 'test/vm/probes.test.ts',
    only: 'is found by its name',
  },
  {
    without: 'the plain names of places in new code',
    file: 'src/apply/core.ts',
    find: "function: plainName(name ?? '')",
    replace: "function: name ?? ''",
    tests: 'test/apply/undo-update.test.ts',
    only: 'old code is back',
  },
  {
    without: 'the bound on the length of names in new code',
    file: 'src/module/new-code-names.ts',
    find: 'if (whole.length <= room)',
    replace: 'if (true)',
    tests: 'test/module/new-code-names.test.ts',
  },
];
