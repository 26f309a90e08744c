// New symbols that the modules of one update use of each other.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { SharedSymbols } from '../../../src/create/code/shared-symbols.js';
import type { ChangedTarget, TargetCode } from '../../../src/create/values.js';
import type { Resolution } from '../../../src/extract/extraction.js';
import { createResolver } from '../../../src/extract/resolver.js';
import { parseSymvers } from '../../../src/extract/symvers.js';
import type { KlpBinding } from '../../../src/module/livepatch.js';
import { run, withFiles } from '../../support/files.js';
import { bytesOf, diffOf, objectOf } from '../../support/states.js';

const ID = 'fix';

/** A target with one object; in the source, lines that begin with + are new. */
function target(name: string, source: string): ChangedTarget {
  const before = source.replaceAll(/^\+.*\n/gm, '');
  const after = source.replaceAll(/^\+/gm, '');
  const diff = diffOf(before, after, `${name}.o`);
  expect(diff.verdict).toBe('changed');
  return {
    target: name,
    objects: [{ label: `${name}.o`, diff, plain: objectOf(before, `${name}.o`) }],
  };
}

const supplier = target(
  'supplier',
  `
+noipa int added(int x) { return sink(x + 1); }
+noipa int twice(int x) { return sink(x + 4); }
+static noipa int hidden(int x) { return sink(x + 2); }
noipa int changed(int x) {
+	x += added(x) + hidden(x) + twice(x);
	return sink(x);
}
noipa int unchanged(int x) { return sink(x + 3); }
`,
);
/** Uses what others have, under the names given. */
const user = (name: string, ...names: string[]) =>
  target(
    name,
    `
${names.map((one) => `int ${one}(int);`).join('\n')}
noipa int caller_of_${name}(int x) {
${names.map((one) => `+	x += ${one}(x);`).join('\n')}
	return sink(x);
}
`,
  );

const exports = parseSymvers(
  '0x00000001\tsink\tvmlinux\tEXPORT_SYMBOL\t\n0x00000002\tunchanged\tsupplier\tEXPORT_SYMBOL\t\n' +
    '0x00000003\ttwice\tvmlinux\tEXPORT_SYMBOL\t\n',
  'Module.symvers',
);
const init = { type: 'T', address: 0xffffffff82000000n };
const symbols = [
  { name: '__init_begin', ...init },
  { name: '__init_end', ...init },
];

/** How a target gets at all names that its object leaves undefined. */
function resolve(shared: SharedSymbols, { target, objects }: ChangedTarget) {
  const [{ label, diff, plain }] = objects as [ChangedTarget['objects'][number]];
  const pre = new Map([[label, plain]]);
  const module = target === 'vmlinux' ? undefined : plain;
  const kernel = createResolver({ target, exports, symbols, pre, module });
  const resolver = shared.resolver(target, kernel);
  const found = new Map<string, Resolution>();
  for (const symbol of diff.post.symbols) {
    if (symbol.section || symbol.name === '') continue;
    if (symbol.shndx === 0) found.set(symbol.name, resolver.external(label, symbol));
  }
  return found;
}

/** As makeTargetCode() gives it, as far as the order and the check of positions look at it. */
function codeOf(target: string, bindings: readonly KlpBinding[] = []): TargetCode {
  const newCode = { bindings } as unknown as TargetCode['newCode'];
  return { target, newCode } as TargetCode;
}

const klp = (name: string) => ({
  kind: 'klp',
  object: `ksplice_${ID}_supplier_new`,
  name: `${name}.ksplice_${ID}`,
  position: 1,
  added: 'function' as const,
});

describe('what another target of the update adds', () => {
  test('is found in its new-code module; what the kernel has is found there', () => {
    const consumer = user('consumer', 'added', 'twice', 'unchanged');
    const found = resolve(new SharedSymbols(ID, [consumer, supplier]), consumer);
    expect(found.get('added')).toEqual(klp('added'));
    expect(found.get('twice')).toEqual({ kind: 'exported', namespace: '', sealed: 'unknown' });
    expect(found.get('unchanged')).toEqual({ kind: 'exported', namespace: '', sealed: 'unknown' });
    expect(found.get('sink')).toEqual({ kind: 'exported', namespace: '', sealed: 'unknown' });
  });

  test.each([
    ['static', 'hidden'],
    ['replaced, and there before', 'changed'],
    ['of no target', 'nowhere'],
  ])('is not what is %s', (_, name) => {
    const consumer = user('consumer', name);
    const found = resolve(new SharedSymbols(ID, [consumer, supplier]), consumer);
    expect(found.get(name)).toMatchObject({
      kind: 'unresolved',
      why: expect.stringMatching(/no such symbol/),
    });
  });

  test('is not for the kernel proper, which no module is linked to', () => {
    const kernel = user('vmlinux', 'added');
    const found = resolve(new SharedSymbols(ID, [kernel, supplier]), kernel);
    expect(found.get('added')).toMatchObject({
      kind: 'unresolved',
      why: expect.stringMatching(/no such symbol/),
    });
  });

  test('is refused if two add one of the name', () => {
    const second = target(
      'second',
      '+noipa int added(int x) { return x; }\nnoipa int c(int x) {\n+	x += added(x);\n	return sink(x);\n}\n',
    );
    const consumer = user('consumer', 'added');
    const found = resolve(new SharedSymbols(ID, [consumer, supplier, second]), consumer);
    expect(found.get('added')).toMatchObject({
      kind: 'unresolved',
      why: 'the new code of supplier and second each has one',
    });
  });
});

describe('the order of loading', () => {
  const inOrder = (shared: SharedSymbols, ...names: string[]) =>
    shared.inOrder(names.map((name) => codeOf(name))).map((one) => one.target);

  test('puts first what others use, over several steps', () => {
    const middle = target(
      'middle',
      `int added(int);
+noipa int added_too(int x) { return added(x) + 1; }
noipa int changed_too(int x) {
+	x += added_too(x);
	return sink(x);
}
`,
    );
    const consumer = user('consumer', 'added_too');
    const targets = [consumer, middle, supplier];
    const shared = new SharedSymbols(ID, targets);
    for (const one of targets) resolve(shared, one);
    expect(inOrder(shared, 'consumer', 'middle', 'supplier')).toEqual([
      'supplier',
      'middle',
      'consumer',
    ]);
  });

  test('is as given for targets that use nothing of each other', () => {
    const shared = new SharedSymbols(ID, [user('b', 'sink'), supplier]);
    expect(inOrder(shared, 'b', 'supplier')).toEqual(['b', 'supplier']);
  });

  test('is refused if two use what is new in each other', () => {
    const circle = (own: string, other: string) =>
      target(
        `makes_${own}`,
        `int ${other}(int);
+noipa int ${own}(int x) { return x > 9 ? x : ${other}(x + 1); }
noipa int caller_of_${own}(int x) {
+	x += ${own}(x);
	return sink(x);
}
`,
      );
    const targets = [circle('here', 'there'), circle('there', 'here')];
    const shared = new SharedSymbols(ID, targets);
    for (const one of targets) resolve(shared, one);
    expect(() => inOrder(shared, 'makes_here', 'makes_there')).toThrow(
      expect.objectContaining({
        code: 'unresolved-symbol',
        message: expect.stringContaining('makes_here uses what is new in makes_there'),
      }),
    );
  });
});

describe('in the finished modules', () => {
  /** The supplier's new code, linked of these sources. */
  const module = (...sources: string[]) => {
    const parts = sources.map((source, index) => [`${index}.o`, bytesOf(source)] as const);
    return withFiles(Object.fromEntries(parts), (folder) => {
      run(folder, 'ld', '-r', '-o', 'new.ko', ...parts.map(([name]) => name));
      run(folder, 'objcopy', `--redefine-sym=added=added.ksplice_${ID}`, 'new.ko');
      return readFileSync(path.join(folder, 'new.ko'));
    });
  };
  const one = 'static __attribute__((used)) int added(int x) { return x; }';
  const check = (file: Buffer) => {
    const consumer = user('consumer', 'added');
    const shared = new SharedSymbols(ID, [consumer, supplier]);
    const added = resolve(shared, consumer).get('added');
    expect(added).toEqual(klp('added'));
    const binding = { symbol: 'x', ...(added as ReturnType<typeof klp>) };
    const code = [codeOf('supplier'), codeOf('consumer', [binding])];
    return () =>
      shared.checkPositions(code, (name) => {
        expect(name).toBe(`ksplice_${ID}_supplier_new`);
        return file;
      });
  };

  test('a symbol that is there once is where it is looked for', () => {
    expect(check(module(one))).not.toThrow();
  });

  test.each([
    ['not there', 0, module('int added(int); int f(int x) { return added(x); }')],
    ['there twice', 2, module(one, one)],
  ])('one that is %s is refused', (_, count, file) => {
    expect(check(file)).toThrow(
      expect.objectContaining({
        code: 'unresolved-symbol',
        message: `the new code of supplier has ${count} symbols added, and another target uses it`,
      }),
    );
  });
});
