// Text that new code gives to tracepoints, by the compiler's own instructions.

import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findAddressesOut } from '../../src/dangling/find.js';
import { findTracedText } from '../../src/dangling/traced.js';
import { walkThrough } from '../../src/dangling/walk.js';
import { ElfObject } from '../../src/elf/object.js';
import { compile, sectionFlags } from '../support/compile.js';

const SOURCE = path.resolve(import.meta.dirname, '../fixtures/traced.c');
const object = () => new ElfObject(compile(SOURCE, [...sectionFlags]), 'traced.o');

describe('text that goes to tracepoints', () => {
  it('is found', () => {
    const found = findTracedText(walkThrough(object())).map(({ text, from, event }) => [
      text,
      from,
      event,
    ]);
    expect(found.sort()).toEqual(
      [
        ['"told text"', 'tells', 'told'],
        ['__func__.4', 'tells_name', 'told_too'],
        ['"one word"', 'tells_word', 'told'],
        ['"two words"', 'tells_word', 'told'],
        ['"through another"', 'tells_by', 'told'],
        ['"marked text"', 'marked', ''],
      ]
        .map(([text, ...rest]) => [text === '__func__.4' ? nameOfName() : text, ...rest])
        .sort(),
    );
  });

  it('keeps no new code loaded', () => {
    expect(
      findAddressesOut(walkThrough(object()), [], new Set()).map(({ from }) => from),
    ).not.toContain('tells');
  });
});

/** The compiler numbers it. */
function nameOfName(): string {
  return object().symbols.find(({ name }) => name.startsWith('__func__'))!.name;
}
