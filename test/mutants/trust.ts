// What is taken out of the rules about who may bring what.

import { type Mutant, mutantsIn } from './mutant.js';

const trust = mutantsIn('trust/', 'trust/');
const elsewhere = mutantsIn('', 'trust/');
const again = mutantsIn('create/', 'create/');
const TRUSTED = 'trusted.test.ts';

export const trustMutants: readonly Mutant[] = [
  trust(
    'the rule that an update must be signed',
    'trusted.ts',
    'if (requireSignature)\n',
    'if (!rules)\n',
    TRUSTED,
  ),
  trust(
    'the rule that somebody must be trusted where updates must be signed',
    'trusted.ts',
    'if (requireSignature) throw',
    'if (!sums) throw',
    TRUSTED,
  ),
  trust(
    'the refusal of a signature that does not count',
    'trusted.ts',
    "if ('fault' in signer)\n    throw",
    "if ('fault' in signer) return 'unsigned';\n  if (!sums) throw",
    TRUSTED,
  ),
  trust(
    'the comparison of the files with what was signed',
    'trusted.ts',
    'const faults = checksumFaults(files);',
    'const faults: string[] = [];',
    TRUSTED,
  ),
  trust(
    'the purpose that a signature was made for',
    'signature.ts',
    "const as = ['-Y', 'verify', '-I', signer, '-n', NAMESPACE, ...given, ...allowed];",
    // Whatever it was made for: the tests have one for "file".
    "const other = Buffer.from(String(signature).replace(/-----.*/g, ''), 'base64').includes('\\x04file');\n      const as = ['-Y', 'verify', '-I', signer, '-n', other ? 'file' : NAMESPACE, ...given, ...allowed];",
    TRUSTED,
  ),
  trust(
    'the time in which a key counts',
    'signature.ts',
    "await put('signers', signers ?? Buffer.alloc(0))",
    "await put('signers', Buffer.from(String(signers).replace(/valid-before=\\S+/g, '')))",
    TRUSTED,
  ),
  trust(
    'the keys that are revoked',
    'signature.ts',
    "const gone = revoked ? ['-r', await put('revoked', revoked)] : [];",
    'const gone: string[] = [];',
    TRUSTED,
  ),
  trust(
    'the refusal of a policy that cannot be understood',
    'policy.ts',
    'if (!read) throw',
    'if (!read) return NO_POLICY;\n  if (!file) throw',
    TRUSTED,
  ),
  trust(
    'the refusal of a policy with a rule that is not known',
    'policy.ts',
    'if (asMember(name) === undefined) {',
    'if (name === file) {',
    TRUSTED,
  ),
  trust(
    'the look at who can write to the rules',
    'policy.ts',
    'const exposed = exposedFile([file], [], owner);',
    'const exposed = exposedFile([], [], owner);',
    TRUSTED,
  ),
  trust(
    'the rule about who may bring functions that may be busy',
    'trusted.ts',
    '!may(policy.allowBusy) && ',
    'may([]) && ',
    TRUSTED,
  ),
  trust(
    'the rule about who may change types',
    'trusted.ts',
    '!may(policy.allowLayout) && ',
    'may([]) && ',
    TRUSTED,
  ),
  trust(
    'the rule about who may bring hooks',
    'trusted.ts',
    '!may(policy.allowHooks) && ',
    'may([]) && ',
    TRUSTED,
  ),
  elsewhere(
    'the hooks of new code that cannot be read',
    'update/hooks-in.ts',
    'data === undefined || ',
    'data !== undefined && ',
    TRUSTED,
  ),
  elsewhere(
    'the rules of the host at boot',
    'install/boot.ts',
    'const { update, trust, maxStopMs } = await readTrusted(store.updateDirectory(id), host.paths);',
    "const { update, trust, maxStopMs } = await readTrusted(store.updateDirectory(id), { ...host.paths, trust: '/nonexistent' });",
    'times.test.ts',
  ),
  elsewhere(
    'the rules of the host when a module comes',
    'apply/module-coming.ts',
    'updates.push(await readTrusted(keptDirectory(host, id), host.paths));',
    "updates.push(await readTrusted(keptDirectory(host, id), { ...host.paths, trust: '/nonexistent' }));",
    'times.test.ts',
  ),
  elsewhere(
    'the limit of a stop that the core is told',
    'apply/applying.ts',
    'await limitStop(id, engine, this.options.maxStopMs);',
    'await limitStop(id, engine, undefined);',
    'times.test.ts',
  ),
  {
    without: 'the limit of a stop',
    file: 'kmodsrc/switch.c',
    find: 'if (!update->max_stop_ns ||',
    replace: 'if (update->max_stop_ns ||',
    tests: 'test/vm/trust.test.ts',
  },
  again(
    'the comparison of an update with one that is made again',
    'again/verify.ts',
    'if (one && other?.equals(one)) return [];',
    'if (one && other) return [];',
    'again/verify.test.ts',
  ),
];
