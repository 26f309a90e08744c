// Objects that no compiler makes: whatever is in one, it becomes a program or
// is refused, and what becomes a program is well-formed.

import { describe, expect, it } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { decodeProgram } from '../../src/program/decode.js';
import { encodeProgram } from '../../src/program/encode.js';
import { fixture, flaggedTables, programOf, siteFixtures, tables } from './support/programs.js';

/** A byte that differs from run to run in nothing. */
function* noise(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    yield state >>> 8;
  }
}

describe.each(['first.c', ...siteFixtures, 'runtime-constant.S'])('%s, altered', (file) => {
  const object = fixture(file);

  const attempt = (data: Buffer, sizes = tables): 'program' | 'refused' => {
    try {
      const { program } = programOf({ 'x.o': data }, { tables: sizes });
      decodeProgram(encodeProgram(program), 'x.o');
      return 'program';
    } catch (error) {
      if (error instanceof KspliceError) {
        // A program that cannot be read back would be a fault of the generator.
        expect(error.code, error.message).toMatch(/^(bad-elf|unsupported-object)$/);
        return 'refused';
      }
      throw error;
    }
  };

  it('is a program as it is', () => {
    expect(attempt(object)).toBe('program');
  });

  it('is refused when cut', () => {
    for (let length = 0; length < object.length; length += 7) {
      expect(attempt(object.subarray(0, length))).toBe('refused');
    }
  });

  it('with bytes changed is a program or refused', () => {
    const random = noise(1);
    const next = (below: number) => (random.next().value as number) % below;
    const seen = new Set<string>();
    for (let round = 0; round < 600; round++) {
      const data = Buffer.from(object);
      for (let change = 0; change <= round % 4; change++) {
        data[next(data.length)] = [0, 1, 0x7f, 0xff, next(256)][next(5)]!;
      }
      seen.add(attempt(data));
    }
    expect(seen).toEqual(new Set(['program', 'refused']));
  });

  it('with tables of another kernel is a program or refused', () => {
    attempt(object, flaggedTables);
    attempt(object, { ...tables, jump: 12, staticCall: 12, paravirt: 12 });
  });
});
