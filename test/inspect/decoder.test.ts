import { describe, expect, test } from 'vitest';
import { type Code, type CodeReference, dataLines, type Referent } from '../../src/inspect/code.js';
import { decodeLines } from '../../src/inspect/decoder.js';

const symbol =
  (name: string, isCode = false) =>
  (offset: number): Referent => ({ name, offset, isCode });

/** A number that refers to a symbol, with the addend that compilers give relative ones. */
function to(
  offset: number,
  name: string,
  { width = 4, pcrel = true, isCode = false } = {},
): CodeReference {
  const addend = pcrel ? -width : 0;
  return { offset, width, pcrel, referent: (rest) => symbol(name, isCode)(addend + rest) };
}

function code(hex: string, references: CodeReference[] = [], rest: Partial<Code> = {}): Code {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return { name: 'f', bytes, references, notes: new Map(), outside: () => undefined, ...rest };
}

const texts = (part: Code) => decodeLines(part).map(({ text }) => text);

describe('decodeLines', () => {
  test('writes symbols where the linker will put numbers', () => {
    expect(texts(code('e8 00000000', [to(1, 'helper')]))).toEqual(['call helper']);
    expect(texts(code('48 8b 05 00000000', [to(3, 'jiffies')]))).toEqual([
      'mov jiffies(%rip),%rax',
    ]);
    const absolute = { pcrel: false };
    expect(texts(code('48 c7 c7 00000000', [to(3, '"text"', absolute)]))).toEqual([
      'mov $"text",%rdi',
    ]);
    expect(texts(code('48 8b 04 c5 00000000', [to(4, 'table', absolute)]))).toEqual([
      'mov table(,%rax,8),%rax',
    ]);
    expect(
      texts(code('48 b8 0000000000000000', [to(2, 'big', { width: 8, pcrel: false })])),
    ).toEqual(['movabs $big,%rax']);
  });

  test('counts relative numbers from the end of the instruction, whatever follows them', () => {
    // movl $7, state(%rip): four bytes of immediate after the number.
    const reference = { ...to(2, 'state'), referent: (rest: number) => symbol('state')(rest - 8) };
    expect(texts(code('c7 05 00000000 07000000', [reference]))).toEqual(['movl $7,state(%rip)']);
  });

  test('has two symbols in one instruction', () => {
    const references = [to(3, 'ops'), to(7, 'handler', { pcrel: false })];
    const [line] = texts(code('48 c7 05 00000000 00000000', references));
    expect(line).toBe('movq $handler,ops+0x4(%rip)');
  });

  test('a symbol with "$&" in its name is written as it is', () => {
    expect(texts(code('e8 00000000', [to(1, "a$&b$'")]))).toEqual(["call a$&b$'"]);
  });

  test('names branches by where they lead: inside, to a neighbour, to nothing known', () => {
    const lines = decodeLines(
      code('eb 00 eb fc eb 10', [], {
        outside: (at) => (at === 22 ? symbol('g', true)(0) : undefined),
      }),
    );
    expect(lines.map(({ text }) => text)).toEqual(['jmp +0x2', 'jmp +0x0', 'jmp g']);
    expect(lines[0]!.leadsTo).toEqual({ name: 'f', offset: 2, isCode: true });
    expect(lines[0]!.key).toBe('jmp +');
    expect(texts(code('eb 7f'))).toEqual(['jmp f+0x81']);
  });

  test('what is no instruction is shown, and decoding goes on', () => {
    const lines = decodeLines(code('06 c3 c3 c3'));
    expect(lines[0]!.text).toBe('(bad)');
    expect(lines.at(-1)!.text).toBe('ret');
    expect(Buffer.concat(lines.map(({ bytes }) => bytes)).toString('hex')).toBe('06c3c3c3');
    expect(decodeLines(code('0f'))).toHaveLength(1);
  });

  test('keeps notes at their places', () => {
    const notes = new Map([[1, { text: 'return thunk' }]]);
    const [, line] = decodeLines(code('90 c3', [], { notes }));
    expect(line).toMatchObject({ text: 'ret', note: 'return thunk' });
    const label = { text: 'jump label key', leadsTo: symbol('f', true)(5) };
    const [nop] = decodeLines(code('0f1f440000 c3', [], { notes: new Map([[0, label]]) }));
    expect(nop).toMatchObject({ note: 'jump label key, to +0x5', leadsTo: label.leadsTo });
    // objtool makes a no-op of what the compiler wrote as a jump.
    const built = new Map([[0, { ...label, text: 'jump label' }]]);
    const [jump] = decodeLines(code('e900000000 c3', [], { notes: built }));
    expect(jump!.text).toBe('jmp +0x5');
    expect(jump!.key).toBe(nop!.key);
  });
});

test('data is shown in rows, references by name', () => {
  const bytes = Buffer.concat([Buffer.from('sixteen letters!'), Buffer.alloc(8)]);
  const lines = dataLines({
    ...code(''),
    bytes,
    references: [to(16, 'target', { width: 8, pcrel: false })],
  });
  expect(lines.map(({ offset, text }) => [offset, text])).toEqual([
    [0, '73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 21  sixteen letters!'],
    [16, '00 00 00 00 00 00 00 00  target'],
  ]);
});
