// What a type says to sparse and nothing to the compiler, though bytes are read in another way then:
// a pointer to per-cpu data (`__percpu`) is an offset, and a number may have its bytes in the
// network's order (`__be32`). Existing objects have it as it was. By the source.

import { closingBrace, codeOf } from './code-text.js';

/** A member or variable that is read in another way than before. */
export interface AnnotationChange {
  /** "struct foo", "the variable x" */
  readonly type: string;
  readonly reason: string;
}

const STRUCT = /\b(struct|union)\s+(\w+)\s*\{/g;
const MEMBER = /(?:^|[;{}])\s*(\w[\w \t*]*[\s*])(\w+)(?:\[[^\]\n]*\])*(?=;)/g;
const VARIABLE =
  /^((?:static |extern )?[A-Za-z_][\w \t*]*[\s*])(\w+)(?:\[[^\]\n]*\])*(?:\s*=[^;]*)?;/gm;
const PER_CPU = /\b__percpu\b/;
const NETWORK_ORDER = /\b(?:__be(?:16|32|64)|__sum16)\b/;

/** Of what is in both texts under the same name. */
export function changedAnnotations(before = '', after = ''): AnnotationChange[] {
  if (before === after) return [];
  const now = readingOf(after);
  return [...readingOf(before)].flatMap(([key, { type, name, how }]) => {
    const other = now.get(key)?.how;
    if (other === undefined || other === how) return [];
    const what = name === '' ? 'it' : name;
    return [{ type, reason: `${what} was ${how}, and would be ${other}` }];
  });
}

interface Reading {
  readonly type: string;
  /** Of the member; empty for a variable. */
  readonly name: string;
  readonly how: string;
}

function readingOf(text: string): Map<string, Reading> {
  const found = new Map<string, Reading>();
  const code = codeOf(text);
  const add = (type: string, name: string, declared: string) => {
    found.set(`${type} ${name}`, { type, name, how: howRead(declared) });
  };
  for (const { 0: head, 1: word, 2: type, index } of code.matchAll(STRUCT)) {
    const start = index + head.length;
    const body = code.slice(start, closingBrace(code, start - 1) ?? code.length);
    for (const [, declared = '', name = ''] of body.matchAll(MEMBER)) {
      add(`${word} ${type}`, name, declared);
    }
  }
  for (const [, declared = '', name = ''] of code.matchAll(VARIABLE)) {
    add(`the variable ${name}`, '', declared);
  }
  return found;
}

function howRead(declared: string): string {
  if (PER_CPU.test(declared)) return 'a pointer to per-cpu data';
  if (NETWORK_ORDER.test(declared)) return "a number in the network's byte order";
  return declared.includes('*') ? 'an ordinary pointer' : 'an ordinary value';
}
