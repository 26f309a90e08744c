import { describe, expect, test } from 'vitest';
import { align, fold, type Row } from '../../src/inspect/align.js';
import type { Line } from '../../src/inspect/code.js';

/** "jmp 8" leads to offset 8 of the function itself; every line is two bytes long. */
function lines(name: string, texts: readonly string[]): Line[] {
  return texts.map((text, index) => {
    const [, target] = /^j\w+ (\d+)$/.exec(text) ?? [];
    const rest = { offset: 2 * index, bytes: new Uint8Array(2), text };
    if (target === undefined) return { ...rest, key: text };
    const leadsTo = { name, offset: Number(target), isCode: true };
    return { ...rest, key: text.replace(/\d+$/, '+'), leadsTo };
  });
}

function rows(old: readonly string[], now: readonly string[]): string[] {
  const pair = { name: 'f', old: lines('f', old), new: lines('f', now) };
  return align([pair])[0]!.map(show);
}

const show = ({ kind, old, new: now }: Row) => `${kind}: ${old?.text ?? ''} / ${now?.text ?? ''}`;

describe('align', () => {
  test('puts equal lines beside each other, and what differs beside what it became', () => {
    expect(rows(['a', 'b', 'c', 'd'], ['a', 'x', 'y', 'c'])).toEqual([
      'same: a / a',
      'changed: b / x',
      'added:  / y',
      'same: c / c',
      'removed: d / ',
    ]);
  });

  test('a branch to code that only moved is equal, one to other code is not', () => {
    expect(rows(['jmp 4', 'b', 'c', 'd'], ['jmp 6', 'b', 'new', 'c', 'd'])).toContain(
      'same: jmp 4 / jmp 6',
    );
    expect(rows(['jmp 4', 'b', 'c', 'd'], ['jmp 8', 'b', 'new', 'c', 'd'])).toContain(
      'changed: jmp 4 / jmp 8',
    );
    // The number is the same; what is there is not.
    expect(rows(['jmp 4', 'b', 'c'], ['jmp 4', 'b', 'new', 'c'])).toContain(
      'changed: jmp 4 / jmp 4',
    );
  });

  test('a branch to the start of a cold part is equal if that starts with the same code', () => {
    const main = { name: 'f', old: lines('f.cold', ['jne 0']), new: lines('f.cold', ['jne 0']) };
    const cold = (now: string[]) => ({
      name: 'f.cold',
      old: lines('f.cold', ['a', 'b']),
      new: lines('f.cold', now),
    });
    expect(align([main, cold(['a', 'c'])])[0]!.map(show)).toEqual(['same: jne 0 / jne 0']);
    expect(align([main, cold(['new', 'a'])])[0]!.map(show)).toEqual(['changed: jne 0 / jne 0']);
  });

  test('of two functions with one name, a branch means its own', () => {
    const pair = (old: string[], now: string[]) => ({
      name: 'f',
      old: lines('f', old),
      new: lines('f', now),
    });
    const [first, second] = align([
      pair(['jmp 2', 'a'], ['jmp 2', 'a']),
      pair(['jmp 2', 'b'], ['jmp 4', 'new', 'b']),
    ]);
    expect(first!.map(show)).toEqual(['same: jmp 2 / jmp 2', 'same: a / a']);
    expect(second!.map(show)[0]).toBe('same: jmp 2 / jmp 4');
  });

  test('code that is all different is shown without being aligned', () => {
    const many = (prefix: string) =>
      Array.from({ length: 6000 }, (_, index) => `${prefix}${index}`);
    const result = rows(many('a'), many('b'));
    expect(result).toHaveLength(6000);
    expect(result.every((row) => row.startsWith('changed'))).toBe(true);
  });
});

describe('fold', () => {
  const row = (kind: Row['kind']): Row => ({ kind });
  const shape = (kinds: Row['kind'][], context: number) =>
    fold(kinds.map(row), context).map(
      ({ rows: some, folded }) => `${folded ? 'fold' : 'show'} ${some.length}`,
    );

  test('keeps lines around a difference', () => {
    const same = (count: number): Row['kind'][] => Array<Row['kind']>(count).fill('same');
    expect(shape([...same(5), 'changed', ...same(5)], 2)).toEqual(['fold 3', 'show 5', 'fold 3']);
    expect(shape(same(4), 2)).toEqual(['fold 4']);
    expect(shape([...same(3), 'added'], 2)).toEqual(['show 1', 'show 3']);
    expect(shape([...same(9), 'added'], Number.POSITIVE_INFINITY)).toEqual(['show 10']);
  });
});
