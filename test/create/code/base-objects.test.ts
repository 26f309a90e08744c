// Whether an update below is made of this source again: its report against the
// objects that were compiled anew.

import { describe, expect, test } from 'vitest';
import { checkBases } from '../../../src/create/code/base-objects.js';
import type { ObjectReport } from '../../../src/create/values.js';
import type { Update } from '../../../src/update/update.js';
import { homesOf } from '../../support/states.js';

const BOOTED = `
noipa int first(int x) { return sink(x); }
noipa int second(int x) { return sink(x + 1); }
noipa int third(int x) { return sink(x + 2); }
`;
const BELOW = BOOTED.replace('sink(x)', 'sink(x) + sink(x * 3)').replace('x + 2', 'x - 2');
const ABOVE = BELOW.replace('sink(x + 1)', 'sink(x + 1) + sink(x * 5)');
const homes = homesOf([BOOTED, BELOW, ABOVE], 'a.o');
const object = { name: 'a.o', owners: ['vmlinux', 'module'] };

/** As the step is. */
function reportOf(step: number): ObjectReport[] {
  const { replaced } = homes.steps[step]!;
  const changed = replaced.map(({ name, pre, post }) => ({
    name,
    oldSize: pre.size,
    newSize: post.size,
  }));
  return object.owners.map((target) => ({
    ...{ target, object: object.name, changed },
    ...{ added: [], removed: [], addedData: [] },
  }));
}

const update = (id: string, report: unknown) => ({ id, report }) as Update;
const second = update('second', { objects: reportOf(1) });

describe('an update below', () => {
  test('comes out as it was made', () => {
    expect(homes.steps.map(({ replaced }) => replaced.map(({ name }) => name))).toEqual([
      ['first', 'third'],
      ['second'],
    ]);
    const objects = reportOf(0).map((one) => ({ ...one, changed: one.changed.toReversed() }));
    const first = update('first', { objects: objects.toReversed() });
    expect(() => checkBases(object, homes, [first, second])).not.toThrow();
    expect(() => checkBases(object, homesOf([BOOTED], 'a.o'), [])).not.toThrow();
  });

  test('that leaves the object alone has nothing to say about it', () => {
    const untouched = homesOf([BOOTED, `${BOOTED}\n/* another comment */`], 'a.o');
    const other = { target: 'vmlinux', object: 'a.o', changed: 'a word' };
    for (const report of [undefined, { objects: [] }, { objects: [other] }]) {
      expect(() => checkBases(object, untouched, [update('other', report)])).not.toThrow();
    }
    const objects = reportOf(0);
    expect(() => checkBases(object, untouched, [update('other', { objects })])).toThrow();
  });

  const changed = (change: (report: ObjectReport) => Partial<ObjectReport>) =>
    reportOf(0).map((one) => ({ ...one, ...(one.target === 'module' ? change(one) : {}) }));
  test.each<[string, unknown]>([
    ['without a report', undefined],
    ['with a report of another shape', { objects: 'none' }],
    ['with a report of objects that are none', { objects: [null, 7] }],
    [
      'with functions in its report that are none',
      { objects: changed(() => ({ changed: [null] as never[] })) },
    ],
    ['whose report says nothing of a target', { objects: reportOf(0).slice(0, 1) }],
    ['of another object', { objects: changed(() => ({ object: 'b.o' })) }],
    [
      'that replaced another function',
      { objects: changed(() => ({ changed: reportOf(1)[0]!.changed })) },
    ],
    [
      'that replaced one more',
      { objects: changed((one) => ({ changed: [...one.changed, ...reportOf(1)[0]!.changed] })) },
    ],
    [
      'with new code of another size',
      {
        objects: changed(({ changed: [one, other] }) => ({
          changed: [one!, { ...other!, newSize: other!.newSize + 1 }],
        })),
      },
    ],
  ])('%s is refused', (_, report) => {
    const check = () => checkBases(object, homes, [update('first', report), second]);
    expect(check).toThrow(
      expect.objectContaining({
        code: 'refused-change',
        message: expect.stringMatching(
          /^the patch of update first, applied to this source, does not give the a\.o \((vmlinux|module)\)/,
        ),
        details: {
          problems: [
            expect.objectContaining({ code: 'other-base', object: 'a.o', update: 'first' }),
          ],
        },
      }),
    );
  });

  test('is the one that is named, of several', () => {
    const first = update('first', { objects: reportOf(0) });
    const check = () => checkBases(object, homes, [first, update('second', undefined)]);
    expect(check).toThrow(/^the patch of update second, .* does not give/);
  });

  test('whose patch cannot be made of this source is refused, whatever its report says', () => {
    const state = (value: number) => `
int state = ${value};
noipa int first(int x) { return sink(x) + state++; }
`;
    const refused = homesOf([state(1), state(2)], 'a.o');
    expect(refused.steps[0]!.verdict).toBe('refused');
    const none = update('first', { objects: [] });
    expect(() => checkBases(object, refused, [none])).toThrow(
      /^the patch of update first, .* does not give/,
    );
  });
});
