import { describe, expect, it } from 'vitest';
import {
  asCount,
  asInnerPath,
  asListOf,
  asOneOf,
  asRecord,
  asText,
  asTexts,
  fromJson,
  orElse,
} from '../../src/base/stored.js';

const ODD = [undefined, null, true, 1.5, -1, Number.NaN, 2 ** 60, 'x', [], [null], {}, Symbol('x')];

describe('a decoder', () => {
  const asThing = asRecord<{ name: string; sizes: number[] }, { last: true }>(
    { name: asText, sizes: asListOf(asCount) },
    { last: asOneOf([true]) },
  );

  it('never throws, whatever it gets', () => {
    for (const decode of [asText, asCount, asTexts, asInnerPath, asThing, asOneOf(['a', null])]) {
      for (const value of ODD) expect(() => decode(value)).not.toThrow();
    }
    expect(ODD.filter((value) => asThing(value) !== undefined)).toEqual([]);
  });

  it('takes what has the right shape, and leaves the rest of it out', () => {
    expect(asThing({ name: 'a', sizes: [0, 7], more: 1 })).toEqual({ name: 'a', sizes: [0, 7] });
    expect(asThing({ name: 'a', sizes: [], last: true })).toEqual({
      name: 'a',
      sizes: [],
      last: true,
    });
  });

  it.each<[string, unknown]>([
    ['a member that is missing', { name: 'a' }],
    ['one of another type', { name: 1, sizes: [] }],
    ['one bad item in a list', { name: 'a', sizes: [1, '2'] }],
    ['an optional member of another type', { name: 'a', sizes: [], last: false }],
    ['one that is null', { name: 'a', sizes: [], last: null }],
    ['a list in its place', [{ name: 'a', sizes: [] }]],
  ])('refuses %s', (_, value) => {
    expect(asThing(value)).toBeUndefined();
  });

  it('does not take what every object has for a member', () => {
    expect(
      asRecord<{ constructor: unknown }>({ constructor: (value) => value })({}),
    ).toBeUndefined();
  });

  it('has another value for what is not there, and not for what is damaged', () => {
    expect(orElse(asTexts, [])(undefined)).toEqual([]);
    expect(orElse(asTexts, [])('x')).toBeUndefined();
  });

  it('knows a path that leads elsewhere', () => {
    const elsewhere = ['', '/etc/passwd', '..', '../x', 'a/../../x', 'a/..', 'a\0b', 7];
    for (const path of elsewhere) expect(asInnerPath(path)).toBeUndefined();
    for (const path of ['a', 'a/b..c', '..a/b', '.hidden']) expect(asInnerPath(path)).toBe(path);
  });
});

describe('fromJson', () => {
  it.each([undefined, '', '{', '"x', '[1,]'])('has nothing of %j', (text) => {
    expect(fromJson(text, (value) => value)).toBeUndefined();
  });
});
