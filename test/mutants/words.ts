// What is taken out of what the tool says: of interruptions, rights, hidden addresses and flavours.

import type { Mutant } from './mutant.js';

const words = (
  without: string,
  file: string,
  find: string,
  replace: string,
  tests: string,
): Mutant => ({ without, file: `src/${file}`, find, replace, tests: `test/${tests}` });

export const wordMutants: readonly Mutant[] = [
  words(
    'the look at the stage after an interrupted undo',
    'apply/undo.ts',
    "throw ui.signal.aborted ? await afterInterruption(id, host, 'undo', error) : error;",
    'throw error;',
    'apply/undo.test.ts',
  ),
  words(
    'the look at the stage after an interrupted apply',
    'apply/apply.ts',
    "throw ui.signal.aborted ? await afterInterruption(update.id, host, 'apply', error) : error;",
    'throw error;',
    'apply/apply.test.ts',
  ),
  words(
    'the difference between an undo of which half is made and one that is refused',
    'apply/abort-error.ts',
    "if (stage === 'leaving') return",
    "if (stage === 'leaving' && word === 'code_busy') return",
    'apply/undo.test.ts',
  ),
  words(
    'undo where no module can be unloaded',
    'apply/undo.ts',
    'if (await areModulesDisabled(host)) {',
    'if (false) {',
    'apply/undo.test.ts',
  ),
  words(
    'what is applied, of a boot that was interrupted',
    'install/boot.ts',
    'throw cutOff(updates, results, error);',
    'throw error;',
    'install/install.test.ts',
  ),
  words(
    'the difference between a write that is not allowed and a refusal',
    'apply/switching.ts',
    'requirePermission(`ask the core',
    '((..._: unknown[]) => {})(`ask the core',
    'apply/undo.test.ts',
  ),
  words(
    'the difference between a task that is in new code and none that was found',
    'apply/abort-error.ts',
    'const what = list\n',
    'const what = true\n',
    'apply/undo.test.ts',
  ),
  words(
    'the words for a CPU that is offline',
    'apply/abort-error.ts',
    "return cpu === undefined ? 'a task",
    "return cpu !== '' ? 'a task",
    'apply/undo.test.ts',
  ),
  words(
    'the names of the probes that are in the way',
    'apply/abort-error.ts',
    "word === 'probed' ? await core.probes(id) : []",
    '[] as string[]',
    'apply/undo.test.ts',
  ),
  words(
    'the doubt about an address of zero',
    'apply/core.ts',
    'return /^0x0*$/.test(address) ? null : address;',
    'return address;',
    'apply/undo.test.ts',
  ),
  words(
    'the same for what updates have written',
    'run/written.ts',
    "if (BigInt(address) === 0n) throw hidden('its addresses');",
    '',
    'run/written.test.ts',
  ),
  words(
    'the comparison of the source with the header files of the kernel',
    'configure/flavour.ts',
    'return readFileSync(one).equals(readFileSync(other));',
    'return true;',
    'configure/flavour.test.ts',
  ),
  words(
    'the care about relative places in PATH',
    'apply/environment.ts',
    ".filter((place) => place.startsWith('/'))",
    '',
    'apply/environment.test.ts',
  ),
  words(
    'the look at who can write to the directory for caches',
    'trust.ts',
    'if (fault === undefined) return;',
    'return;',
    'trust.test.ts',
  ),
  words(
    'the look at who owns what root is to run',
    'trust.ts',
    'if (uid !== 0) return',
    'if (uid < 0) return',
    'trust.test.ts',
  ),
  words(
    'the look at who can write to what root is to run',
    'trust.ts',
    "return group || (mode & OTHERS_WRITE) !== 0 ? 'can be written to by others' : undefined;",
    'return undefined;',
    'trust.test.ts',
  ),
  words(
    "the ids that are names of the core's own files",
    'update/contents.ts',
    'return ID.test(word) && !TAKEN.includes(word);',
    'return ID.test(word);',
    'trust.test.ts',
  ),
];
