// New variables that boot code sets up from another object, or through a new function.

import { describe, expect, test } from 'vitest';
import type { ComparedObject } from '../../../src/create/code/moved.js';
import { setElsewhere } from '../../../src/create/code/set-elsewhere.js';
import { diffOf } from '../../support/states.js';

const HEAD = `
#define __init __attribute__((section(".init.text"), cold))
extern void *alloc(int);
extern void use(void *);
`;

/** In the source, lines that begin with + are new. */
function compared(name: string, source: string): ComparedObject {
  const before = source.replaceAll(/^\+.*\n/gm, '');
  const after = source.replaceAll(/^\+/gm, '');
  return { name, owners: ['vmlinux'], diff: diffOf(HEAD + before, HEAD + after, name) };
}

const found = (...objects: ComparedObject[]) =>
  setElsewhere(objects, []).map(({ object, symbol, message }) => [
    object,
    symbol,
    /and (\w+)\(\) sets it up/.exec(message)?.[1],
  ]);

const QUEUE = `
+static void *queue;
+noipa int make_queue(void) { queue = alloc(1); return !queue; }
noipa int run(int x) {
+	use(queue);
	return sink(x);
}
`;
const BOOT = `
+extern int make_queue(void);
int __init boot(void) {
+	make_queue();
	return sink(1);
}
`;

describe('a new variable', () => {
  test('that a new function sets up, which only boot code of another object calls', () => {
    expect(found(compared('a.o', QUEUE), compared('b.o', BOOT))).toEqual([
      ['a.o', 'queue', 'make_queue'],
    ]);
  });

  test('that a new function sets up, which only boot code of this object calls', () => {
    expect(found(compared('a.o', QUEUE + BOOT))).toEqual([['a.o', 'queue', 'make_queue']]);
  });

  test('is no matter if other new code calls that function as well', () => {
    const late = `
+extern int make_queue(void);
int later(int x) {
+	make_queue();
	return sink(x + 1);
}
`;
    expect(found(compared('a.o', QUEUE), compared('b.o', BOOT), compared('c.o', late))).toEqual([]);
    expect(found(compared('a.o', QUEUE + BOOT + late))).toEqual([]);
  });

  test('is no matter if no running code uses it', () => {
    const unused = QUEUE.replace('+	use(queue);\n', '+	use(0);\n');
    expect(found(compared('a.o', unused), compared('b.o', BOOT))).toEqual([]);
  });

  const global = `
+void *queue;
noipa int run(int x) {
+	use(queue);
	return sink(x);
}
`;
  const sets = `
+extern void *queue;
int __init boot(void) {
+	queue = alloc(1);
	return sink(1);
}
`;

  test('that boot code of another object sets up', () => {
    expect(found(compared('a.o', global), compared('b.o', sets))).toEqual([
      ['a.o', 'queue', 'boot'],
    ]);
  });

  test('that boot code of another object sets up, and a third one uses', () => {
    const apart = '+void *queue;\nnoipa int run(int x) { return sink(x); }\n';
    const user = `
+extern void *queue;
noipa int work(int x) {
+	use(queue);
	return sink(x);
}
`;
    const objects = [compared('a.o', apart), compared('b.o', sets)];
    expect(found(...objects)).toEqual([]);
    expect(found(...objects, compared('c.o', user))).toEqual([['a.o', 'queue', 'boot']]);
  });

  test('that boot code only reads is no matter', () => {
    const reads = sets.replace('queue = alloc(1)', 'use(queue)');
    expect(found(compared('a.o', global), compared('b.o', reads))).toEqual([]);
  });
});
