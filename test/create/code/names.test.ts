// Names that move from object to object, and new ones that are not.

import { describe, expect, test } from 'vitest';
import { KspliceError, type Refusal } from '../../../src/base/errors.js';
import { type ComparedObject, movedSymbols } from '../../../src/create/code/moved.js';
import { globalNames, refuseTakenNames } from '../../../src/create/code/taken-names.js';
import { diffOf, objectOf } from '../../support/states.js';

/** In the source, lines that begin with + are new, and those with - go. */
function compared(name: string, source: string, owners = ['vmlinux']): ComparedObject {
  const before = source.replaceAll(/^\+.*\n/gm, '').replaceAll(/^-/gm, '');
  const after = source.replaceAll(/^-.*\n/gm, '').replaceAll(/^\+/gm, '');
  return { name, owners, diff: diffOf(before, after, name) };
}

const inWords = (objects: readonly ComparedObject[]) =>
  movedSymbols(objects).map(({ object, symbol, message }) => [object, symbol, message]);

const loses = `
-unsigned long queued;
+extern unsigned long queued;
-static unsigned long dropped;
-int common(int x) { return sink(x + 1); }
-static int own(int x) { return sink(x * 5); }
-int unused_any_more;
noipa int first(int x) {
-	dropped += own(x);
-	unused_any_more++;
	return sink(x + queued++);
}
-noipa int count(int x) { return sink(x + dropped); }
`;
const gains = `
+unsigned long queued;
+static unsigned long dropped;
+int common(int x) { return sink(x + 1); }
+static noipa int own(int x) { return sink(x * 6); }
noipa int second(int x) {
+	queued++;
+	dropped += own(x) + common(x);
	return sink(x + 2);
}
+noipa int count_here(int x) { return sink(x + dropped); }
`;

describe('what moves', () => {
  test('between two objects of a target is refused: variables, and functions that others may call', () => {
    const found = inWords([compared('one.o', loses), compared('two.o', gains)]);
    expect(found.map(([, symbol]) => symbol).sort()).toEqual(['common', 'dropped', 'queued']);
    expect(found).toContainEqual([
      'two.o',
      'queued',
      'queued moved here from one.o; the new code would lose the running variable and use a new one with its initial value',
    ]);
    expect(found.find(([, symbol]) => symbol === 'common')?.[2]).toContain(
      'go on calling the one in one.o',
    );
  });

  test('between two targets is refused for a global variable, and nothing else', () => {
    const objects = [compared('one.o', loses), compared('two.o', gains, ['module'])];
    expect(inWords(objects).map(([object, symbol]) => [object, symbol])).toEqual([
      ['two.o', 'queued'],
    ]);
  });

  test('between two targets may be another variable, if it is of another size', () => {
    const other = gains.replace('+unsigned long queued', '+unsigned char queued');
    expect(inWords([compared('one.o', loses), compared('two.o', other, ['module'])])).toEqual([]);
  });
});

describe('a new global name', () => {
  const { diff } = compared('two.o', gains);
  const symbol = (name: string, type: string) => ({ name, type, address: 1n });
  const refused = (known: ReturnType<typeof globalNames>) => {
    try {
      refuseTakenNames('vmlinux', [{ label: 'two.o', diff }], known);
      return [];
    } catch (error) {
      if (!(error instanceof KspliceError)) throw error;
      return (error.details as unknown as { problems: Refusal[] }).problems.map(
        ({ code, symbol: name, message }) =>
          `${code} ${name} ${/weak/.test(message) ? 'weak' : ''}`,
      );
    }
  };

  test('that the kernel has is refused, whether that is a weak one or not', () => {
    const kernel = [
      symbol('queued', 'D'),
      symbol('common', 'W'),
      symbol('own', 'T'),
      symbol('second', 'T'),
    ];
    const known = globalNames(kernel, 'vmlinux', undefined);
    expect(refused(known).sort()).toEqual(['name-taken common weak', 'name-taken queued ']);
  });

  test('that a static symbol of the kernel has is its own', () => {
    const kernel = [symbol('queued', 'd'), symbol('common', 't')];
    expect(refused(globalNames(kernel, 'vmlinux', undefined))).toEqual([]);
  });

  test('of a module is looked for in that module', () => {
    const module = objectOf('int common(int x) { return sink(x); }\n', 'module.ko');
    const kernel = [symbol('queued', 'D')];
    expect(refused(globalNames(kernel, 'module', module))).toEqual(['name-taken common ']);
    expect(refused(globalNames(kernel, 'module', undefined))).toEqual([]);
  });

  test('that had been in the init code of the object is no other', () => {
    const once = compared(
      'init.o',
      `
-__attribute__((section(".init.text"))) int twice(int x) { return sink(x + 1); }
+noipa int twice(int x) { return sink(x + 1); }
noipa int use(int x) {
+	x += twice(x);
	return sink(x);
}
`,
    );
    const known = globalNames([symbol('twice', 'T')], 'vmlinux', undefined);
    expect(() =>
      refuseTakenNames('vmlinux', [{ label: 'init.o', diff: once.diff }], known),
    ).not.toThrow();
  });
});
