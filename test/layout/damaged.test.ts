// Type and debug information that is damaged: a verdict or a refusal, never anything else.

import { describe, expect, it } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { ElfObject } from '../../src/elf/object.js';
import { judgeLayout } from '../../src/layout/guard.js';
import { damage, random } from '../fuzz/damage.js';
import { compileBytes, textOf } from './compile.js';

const text = (member: string) => `
struct inner { int x:3; long y[4]; };
typedef struct { union { int a; struct inner in; }; ${member} } item_t;
enum kind { A, B = 7 };
struct walk { item_t *item; enum kind kind; ${member} };
static __attribute__((noinline)) int step(struct walk *walk) { return walk->kind + walk->item->a; }
int start(item_t *item) { struct walk walk = { .item = item, .kind = B }; return step(&walk); }
int (*callback)(item_t *) = start;`;

describe('judgeLayout', () => {
  it('answers to damaged objects with verdicts or with bad-elf, in little time', () => {
    const data = [compileBytes(text('')), compileBytes(text('long n;'))] as const;
    const [pre, post] = [new ElfObject(data[0], 'pre'), new ElfObject(data[1], 'post')];
    const pick = random(0xb7f);
    const outcomes = new Map<string, number>();
    for (let i = 0; i < 800; i++) {
      const damaged = i % 2 === 0 ? damage(pre, data[0], pick) : damage(post, data[1], pick);
      const began = performance.now();
      const outcome = attempt(i % 2 === 0 ? damaged : data[0], i % 2 === 0 ? data[1] : damaged);
      expect(performance.now() - began).toBeLessThan(20_000);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect(outcomes.get('verdict')).toBeGreaterThan(50);
    expect(outcomes.get('bad-elf')).toBeGreaterThan(50);
  });
});

function attempt(before: Buffer, after: Buffer): string {
  try {
    const [pre, post] = [new ElfObject(before, 'pre'), new ElfObject(after, 'post')];
    const replaced = new Set(['start', 'step']);
    const sources = textOf(text(''), text('long n;'));
    judgeLayout([{ name: 'damaged.o', pre, post, replaced, sources }], []);
    return 'verdict';
  } catch (error) {
    if (error instanceof KspliceError) return error.code;
    throw error;
  }
}
