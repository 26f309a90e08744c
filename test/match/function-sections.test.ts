import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ElfObject } from '../../src/elf/object.js';
import { sectionsDiffer } from '../../src/match/function-sections.js';
import { compile, sectionFlags } from '../support/compile.js';

const source = path.resolve(import.meta.dirname, '../fixtures/diff/function-changed.c');
const include = `-I${path.dirname(source)}`;
const usual = new ElfObject(compile(source, [include]), 'usual.o');
const apart = new ElfObject(compile(source, [include, ...sectionFlags]), 'apart.o');

const named = (plain: ElfObject) => [{ label: plain.name, plain }];

describe('an object that does not match', () => {
  it('is said to have function sections, if what runs may have none', () => {
    expect(sectionsDiffer(named(apart), usual)).toMatch(/^apart\.o: .*the loaded module was not/);
    expect(sectionsDiffer(named(apart), undefined)).toMatch(/^apart\.o: .*may not have been/);
  });

  it('is said to lack those of the module that is loaded', () => {
    expect(sectionsDiffer(named(usual), apart)).toMatch(/^The loaded module .*KCFLAGS=/);
  });

  it('is something else, if both were built alike', () => {
    expect(sectionsDiffer(named(usual), usual)).toBeUndefined();
    expect(sectionsDiffer(named(usual), undefined)).toBeUndefined();
    expect(sectionsDiffer(named(apart), apart)).toBeUndefined();
  });
});
