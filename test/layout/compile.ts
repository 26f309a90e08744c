// Objects of a few lines of C, with type and debug information, as create has them.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ElfObject } from '../../src/elf/object.js';
import { mayAlign } from '../../src/layout/alignment.js';
import { changedAnnotations } from '../../src/layout/annotations.js';
import type { Sources } from '../../src/layout/guard.js';
import { mayNest } from '../../src/layout/locals.js';
import { mayEnumerate } from '../../src/layout/wide-enums.js';

const FLAGS = ['-O2', '-ffunction-sections', '-fdata-sections', '-fno-pic', '-fcf-protection=none'];
const TYPES = ['-g', '-gdwarf-5', '-gbtf'];

/**
 * @param text of one file
 * @param flag another one for the compiler
 */
export function compile(text: string, ...flag: string[]): ElfObject {
  return new ElfObject(compileBytes(text, ...flag), 'a.o');
}

/** The same, as a file. */
export function compileBytes(text: string, ...flag: string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'ksplice-types-'));
  try {
    const [source, object] = [join(folder, 'a.c'), join(folder, 'a.o')];
    writeFileSync(source, text);
    execFileSync('gcc', [...FLAGS, ...flag, ...TYPES, '-c', '-o', object, source]);
    return readFileSync(object);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The text of an object, as the guard reads it. */
export function textOf(before: string, after: string, path = 'a.c'): Sources {
  const read = (text: string) => () => [{ path, text }];
  return {
    pre: read(before),
    post: read(after),
    mayAlign: mayAlign(before, after),
    mayEnumerate: mayEnumerate(before, after),
    mayNest: mayNest(before, after),
    outside: new Map(),
    annotated: changedAnnotations(before, after),
  };
}
