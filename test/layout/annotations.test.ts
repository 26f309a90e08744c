// What only sparse knows of a type: which changes of it are another reading of the same bytes.

import { describe, expect, it } from 'vitest';
import { changedAnnotations } from '../../src/layout/annotations.js';

const file = (member: string, variable = 'static int limit;') => `#include <linux/percpu.h>
struct stats {
	long count;
};
struct item {
	int a; /* __percpu */
	${member}
};
${variable}

int f(struct item *item)
{
	int local = item->a;
	return local;
}
`;
const members = (before: string, after: string) =>
  changedAnnotations(file(before), file(after)).map(({ type, reason }) => `${type}: ${reason}`);
const variables = (before: string, after: string) =>
  changedAnnotations(file('int b;', before), file('int b;', after)).map(
    ({ type, reason }) => `${type}: ${reason}`,
  );

describe('a member', () => {
  it.each([
    [
      'struct stats *stats;',
      'struct stats __percpu *stats;',
      'struct item: stats was an ordinary pointer, and would be a pointer to per-cpu data',
    ],
    [
      'struct stats __percpu *stats;',
      'struct stats *stats;',
      'struct item: stats was a pointer to per-cpu data, and would be an ordinary pointer',
    ],
    [
      'u32 mark;',
      '__be32 mark;',
      "struct item: mark was an ordinary value, and would be a number in the network's byte order",
    ],
    [
      '__be16 port[2];',
      '__u16 port[2];',
      "struct item: port was a number in the network's byte order, and would be an ordinary value",
    ],
  ])('is read in another way: %s → %s', (before, after, said) => {
    expect(members(before, after)).toEqual([said]);
  });

  it.each([
    ['u32 mark;', '__le32 mark;'],
    ['struct stats *stats;', 'struct stats __rcu *stats;'],
    ['struct stats __percpu *stats;', 'struct stats __percpu *stats; int more;'],
    ['u32 mark;', 'u32 other; __be32 marked;'],
    ['u32 mark;', 'u32 mark; /* __be32 */'],
  ])('is read as before: %s → %s', (before, after) => {
    expect(members(before, after)).toEqual([]);
  });
});

describe('a variable', () => {
  it('may become one of per-cpu data', () => {
    expect(variables('static struct stats *all;', 'static struct stats __percpu *all;')).toEqual([
      'the variable all: it was an ordinary pointer, and would be a pointer to per-cpu data',
    ]);
  });

  it('may have another value', () => {
    expect(variables('static int limit = 1;', 'static int limit = 2;')).toEqual([]);
  });
});
