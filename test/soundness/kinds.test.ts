// Each kind of change on files alone. What it is on the stock kernel, and in it, is
// `npm run soundness`.

import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { idOf } from './create.js';
import { seeFixture } from './fixture.js';
import { type Kind, objection, type Seen } from './kind.js';
import { groups } from './kinds.js';

const kinds = groups.flatMap((group) => group.kinds);

// Compilers at work do not let the test runner have a word.
afterEach(() => setImmediate());

describe('a change of this kind', () => {
  it.each(kinds.map((kind) => [kind.kind, kind] as const))('%s', async (_, kind) => {
    const wrong = objection(kind, kind.fixture, await seeFixture(kind.fixture));
    // A finding that is mended goes from the list.
    if (kind.finding) expect(wrong).toBeDefined();
    else expect(wrong).toBeUndefined();
  });
});

describe('the list', () => {
  it('has names that can be told apart, and so can their updates', () => {
    expect(new Set(kinds.map(({ kind }) => kind)).size).toBe(kinds.length);
    expect(new Set(kinds.map(idOf)).size).toBe(kinds.length);
  });

  it('says how to use what is made, and what is said of what is refused', () => {
    const silent = kinds.filter(({ verdict, fixture, subject }) =>
      verdict === 'made'
        ? subject.use === undefined || fixture.changes === undefined
        : subject.says === undefined || fixture.says === undefined,
    );
    expect(silent.map(({ kind }) => kind)).toEqual([]);
  });

  it('has other words for a kernel that is patched', () => {
    const deaf = kinds.filter(
      ({ subject: { use } }) => use && `${use.before}` === `${use.applied}`,
    );
    expect(deaf.map(({ kind }) => kind)).toEqual([]);
  });
});

describe('an objection', () => {
  const made: Seen = { code: undefined, details: [], says: 'x is new', changes: ['f', 'new x'] };
  const refused: Seen = {
    code: 'refused-change',
    details: ['moved'],
    says: 'x moved',
    changes: [],
  };
  const mustBe = (
    verdict: Kind['verdict'],
    expected: Parameters<typeof objection>[1],
    seen: Seen,
  ) => objection({ verdict }, expected, seen);
  const moved = { refused: 'refused-change', detail: 'moved' } as const;

  it('is not raised where all is as it should be', () => {
    expect(mustBe('made', { says: /^x is/, changes: ['new x', 'f'] }, made)).toBeUndefined();
    expect(mustBe(moved, { says: /moved$/ }, refused)).toBeUndefined();
  });

  it.each([
    ['another verdict', mustBe('made', {}, refused), 'should be made, and was refused-change'],
    ['no refusal', mustBe(moved, {}, made), 'should be refused (`moved`), and was made (f,new x)'],
    ['another code', mustBe({ refused: 'no-changes' }, {}, refused), 'was refused-change'],
    ['another detail', mustBe({ ...moved, detail: 'data-kind' }, {}, refused), 'as moved, and not'],
    ['other words', mustBe(moved, { says: /stays/ }, refused), 'does not say /stays/'],
    ['fewer changes', mustBe('made', { changes: ['f', 'g', 'new x'] }, made), 'and not f,g,new x'],
    ['more changes', mustBe('made', { changes: ['f'] }, made), 'f,new x changes, and not f'],
  ])('is raised by %s', (_, found, words) => {
    expect(found).toEqual(expect.stringContaining(words));
  });
});
