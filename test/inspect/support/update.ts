// A small update, compiled here, as `inspect` gets it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ElfObject } from '../../../src/elf/object.js';
import { convertToLivepatch } from '../../../src/module/livepatch.js';
import { encodeProgram } from '../../../src/program/encode.js';
import type { AddressOut } from '../../../src/update/addresses-out.js';
import { type Fixes, NO_FIXES } from '../../../src/update/fixes.js';
import type { Update } from '../../../src/update/update.js';
import { programOf } from '../../match/support/programs.js';
import { compile, sectionFlags } from '../../support/compile.js';
import { run, withFiles } from '../../support/files.js';

const fixtures = path.resolve(import.meta.dirname, '../../fixtures/inspect');
const kmodsrc = path.resolve(import.meta.dirname, '../../../kmodsrc');

/** The object file's name in the match program. */
export const LABEL = 'drivers/fixture.o';

export interface Choices {
  readonly description?: string;
  readonly patch?: string;
  readonly label?: string;
  readonly allowBusy?: readonly string[];
  readonly allowLayout?: readonly string[];
  readonly fixes?: Fixes;
  readonly addressesOut?: readonly AddressOut[];
  /** What is in the archive as the report. */
  readonly report?: unknown;
  /** Index of the span that the new code says it replaces. */
  readonly span?: number;
}

/** An update that replaces work() of the module "fixture". */
export function makeUpdate(choices: Choices = {}): Update {
  const label = choices.label ?? LABEL;
  const made = programOf(
    { [label]: compile(path.join(fixtures, 'old.c')) },
    { replaced: ['work'], target: 'fixture' },
  );
  const helper = made.keyOf(label, 'helper')!;
  const counter = made.keyOf(label, 'counter')!;
  const flags = [
    `-I${kmodsrc}`,
    ...sectionFlags,
    `-DSPAN=${choices.span ?? made.spanOf(label, 'work')}`,
    `-DHELPER_KEY=${helper.key}`,
    `-DHELPER_ADDEND=${helper.offset}`,
    `-DCOUNTER_KEY=${counter.key}`,
    `-DCOUNTER_ADDEND=${counter.offset}`,
  ];
  const bindings = ['helper', 'counter'].map((name, index) => ({
    symbol: name,
    object: 'fixture',
    name,
    position: index + 1,
  }));
  const newCode = convertToLivepatch(named(compile(path.join(fixtures, 'new.c'), flags)), bindings);
  const oldCode = assembleProgram(encodeProgram(made.program));
  const file = (name: string) => ({ module: name, file: `${name}.ko` });
  const module = (name: string, data: Buffer) =>
    [name, { ...file(name), data, info: { object: new ElfObject(data, `${name}.ko`) } }] as const;
  return {
    id: 'test',
    description: choices.description ?? 'A change',
    patch: choices.patch ?? '--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-old\n+new\n',
    timestamp: '2026-01-02T03:04:05.678Z',
    apiVersion: 2,
    kernel: { system: 'Linux', release: '6.1.0-tiny', machine: 'x86_64' },
    report: choices.report,
    allowBusy: choices.allowBusy ?? [],
    allowLayout: choices.allowLayout ?? [],
    fixes: choices.fixes ?? NO_FIXES,
    addressesOut: choices.addressesOut ?? [],
    contents: {
      core: file('ksplice'),
      on: [],
      changes: [{ target: 'fixture', newCode: file('new'), oldCode: file('old') }],
    },
    modules: new Map([module('new', newCode), module('old', oldCode)]),
  } as unknown as Update;
}

/** What is out of the patched source has the update's id in its name. */
function named(object: Buffer): Buffer {
  const names = ['work', 'fresh', 'helper_place', 'counter_place'];
  const words = names.map((name) => `--redefine-sym=${name}=${name}.ksplice_test`);
  return withFiles({ 'new.o': object }, (folder) => {
    run(folder, 'objcopy', ...words, 'new.o');
    return readFileSync(path.join(folder, 'new.o'));
  });
}

function assembleProgram(program: Uint8Array): Buffer {
  const folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  try {
    writeFileSync(path.join(folder, 'program'), program);
    const source = path.join(folder, 'old_code.S');
    writeFileSync(source, `.section .ksplice.program, "a"\n.incbin "${folder}/program"\n`);
    return compile(source);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
