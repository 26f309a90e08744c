// A compiled update, looked into: what is found, and how it reads.

import { beforeAll, describe, expect, test } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import type { ResultLine } from '../../src/base/ui.js';
import { partsNamed } from '../../src/inspect/changed-parts.js';
import {
  type Inspection,
  inspectUpdate,
  type TargetInspection,
} from '../../src/inspect/inspection.js';
import { inspectionJson } from '../../src/inspect/json.js';
import { type Listing, listParts } from '../../src/inspect/listing.js';
import { listingLines, overviewLines, patchLines } from '../../src/inspect/terminal.js';
import type { AddressOut } from '../../src/update/addresses-out.js';
import { LABEL, makeUpdate } from './support/update.js';

let inspection: Inspection;
let target: TargetInspection;
let work: Listing;

beforeAll(() => {
  inspection = inspectUpdate(makeUpdate());
  [target] = inspection.targets as [TargetInspection];
  [work] = listParts(target, partsNamed(target.parts, 'work')) as [Listing];
});

const plain = (lines: readonly ResultLine[]) =>
  lines.map((line) =>
    typeof line === 'string'
      ? line
      : line.map((part) => (typeof part === 'string' ? part : part[1])).join(''),
  );
const oldText = ({ rows }: Listing) => rows.flatMap((row) => (row.old ? [row.old.text] : []));
const newText = ({ rows }: Listing) => rows.flatMap((row) => (row.new ? [row.new.text] : []));

describe('what an update changes', () => {
  test('parts: what is replaced, by object, and what is new', () => {
    const parts = target.parts.map(({ kind, name, object }) => [kind, name, object]);
    expect(parts).toEqual([
      ['function', 'work', LABEL],
      ['new-function', 'fresh', ''],
      ['new-data', 'helper_place', ''],
      ['new-data', 'counter_place', ''],
    ]);
    expect(target.objects).toEqual([LABEL]);
  });

  test('symbols, each with the way in which it is found', () => {
    expect(target.symbols.map(({ uses, ...rest }) => rest)).toEqual([
      { name: 'counter', how: 'position', object: 'fixture', position: 2, compared: true },
      { name: 'helper', how: 'position', object: 'fixture', position: 1, compared: true },
      { name: 'elsewhere', how: 'exported', compared: false },
      { name: 'say', how: 'exported', version: '0x1234abcd', compared: false },
      { name: 'absent', how: 'weak', compared: false },
      { name: 'ksplice_register_new_code', how: 'core', compared: false },
    ]);
  });

  test('what is compared before the switch', () => {
    const { spans } = target.oldCode.program;
    const size = (name: string) => spans.find((span) => span.name === name)!.bytes.length;
    expect(target.matched).toMatchObject({
      functions: 2,
      replaced: 1,
      code: size('work') + size('helper'),
      data: 'too many'.length + 1,
    });
  });

  test('a change of a span that is not there is refused', () => {
    expect(() => inspectUpdate(makeUpdate({ span: 99 }))).toThrow(KspliceError);
  });
});

describe('a listing', () => {
  test('names what both sides refer to, and agrees about it', () => {
    for (const lines of [oldText(work), newText(work)]) {
      expect(lines).toContain('call helper');
      expect(lines).toContain('mov $"too many",%rdi');
      expect(lines).toContain('call say');
      // Only struct ksplice_ref tells the name of the old side's.
      expect(lines.filter((line) => line.includes('counter(%rip)'))).not.toEqual([]);
    }
    expect(newText(work)).toContain('jmp fresh');
    expect(oldText(work).join()).not.toContain('fresh');
  });

  test('marks what differs, and nothing else', () => {
    const same = work.rows.filter(({ kind }) => kind === 'same');
    for (const row of same) expect(row.old!.key).toBe(row.new!.key);
    const calls = same.map((row) => row.old!.text).filter((text) => text.startsWith('call'));
    expect(calls).toEqual(['call helper', 'call helper', 'call say']);
    const fresh = work.rows.find((row) => row.new?.text === 'jmp fresh')!;
    expect(['changed', 'added']).toContain(fresh.kind);
  });

  test('covers every byte of both functions', () => {
    for (const side of ['old', 'new'] as const) {
      const lines = work.rows.flatMap((row) => row[side] ?? []);
      let end = 0;
      for (const { offset, bytes } of lines) {
        expect(offset).toBe(end);
        end += bytes.length;
      }
      expect(end).toBe(side === 'old' ? work.part.old!.bytes.length : work.part.new!.size);
    }
  });

  test('of what is new has one side only', () => {
    const [fresh] = listParts(target, partsNamed(target.parts, 'fresh'));
    expect(fresh!.rows.every(({ kind, old }) => kind === 'added' && !old)).toBe(true);
    expect(newText(fresh!).join()).toContain('elsewhere');
    const [data] = listParts(target, partsNamed(target.parts, 'counter_place'));
    expect(newText(data!)).toEqual([`${'00 '.repeat(8).trim()}  counter`]);
  });
});

describe('as text', () => {
  test('all that is known, in order', () => {
    const text = plain(overviewLines(inspection)).join('\n');
    expect(text).toContain(
      'Update test: A change\n  for Linux 6.1.0-tiny (x86_64), made 2026-01-02 03:04 UTC',
    );
    expect(text).toMatch(new RegExp(`${LABEL}\n    work  \\d+ -> \\d+ bytes  replaced`));
    expect(text).toMatch(/fresh +\d+ bytes +new function/);
    expect(text).toContain('counter                    number 2 of that name in fixture; compared');
    expect(text).toMatch(/2 functions, \d+ bytes; 1 of them replaced/);
  });

  test('no line of a description looks like one of ours', () => {
    const lines = plain(overviewLines({ ...inspection, description: 'Good\nUpdate evil: x' }));
    expect(lines.slice(0, 2)).toEqual(['Update test: Good', '  Update evil: x']);
  });

  test('code has old on the left and new on the right, equal lines folded if asked', () => {
    const all = plain(listingLines([work], { context: Number.POSITIVE_INFINITY }));
    expect(all[0]).toMatch(/^work {2}drivers\/fixture.o, replaced, \d+ -> \d+ bytes$/);
    expect(all).toHaveLength(work.rows.length + 1);
    expect(all.find((line) => line.includes('call say'))).toMatch(
      /^ +\w+ {2}call say .* call say$/,
    );
    const folded = plain(listingLines([work], { context: 0 }));
    expect(folded.join('\n')).toMatch(/\.\.\. \d+ equal lines/);
    expect(folded.length).toBeLessThan(all.length);
  });

  test('a line that is too long for its column has one of its own', () => {
    const line = (text: string) => ({ offset: 0, bytes: new Uint8Array(1), text, key: text });
    const long = `call ${'x'.repeat(100)}`;
    const rows = [
      { kind: 'changed', old: line(long), new: line('ret') },
      { kind: 'same', old: line('nop'), new: line('nop') },
    ] as const;
    const [, ...lines] = plain(listingLines([{ part: work.part, rows }], { context: 9 }));
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe(`     0  ${long}`);
    expect(lines[1]).toMatch(/^ +\| {6}0 {2}ret$/);
    expect(lines[2]!.lastIndexOf('nop')).toBe(lines[1]!.indexOf('ret'));
  });

  test('the patch has its colours by line', () => {
    const colours = patchLines(inspection.patch).map((line) =>
      typeof line === 'string' ? '' : (line[0] as readonly string[])[0],
    );
    expect(colours).toEqual(['bold', 'bold', 'cyan', 'red', 'green']);
  });
});

test('functions that may be busy are named, if there are any', () => {
  expect(plain(overviewLines(inspection)).join('\n')).not.toContain('busy');
  const busy = inspectUpdate(makeUpdate({ allowBusy: ['work', 'helper'] }));
  expect(plain(overviewLines(busy))).toContain('  may be busy at the switch: work, helper');
  expect(inspectionJson(busy)).toMatchObject({ allowBusy: ['work', 'helper'] });
});

test('types that change though they are in use are named', () => {
  const types = inspectUpdate(makeUpdate({ allowLayout: ['struct item'] }));
  expect(plain(overviewLines(types))).toContain('  changes types that are in use: struct item');
  expect(inspectionJson(types)).toMatchObject({ allowLayout: ['struct item'] });
});

test('what the update repairs is named', () => {
  expect(inspectionJson(inspection)).toMatchObject({ fixes: { cves: [] } });
  const fixes = { cves: ['CVE-2026-1234'], upstream: ['0123456789abcdef'], repairs: [] };
  const repairing = inspectUpdate(makeUpdate({ fixes }));
  expect(plain(overviewLines(repairing))).toEqual(
    expect.arrayContaining(['  fixes CVE-2026-1234', '  is upstream commit 0123456789ab']),
  );
  expect(inspectionJson(repairing)).toMatchObject({ fixes });
});

test('addresses of new code that others get are listed', () => {
  const address: AddressOut = {
    symbol: 'again',
    kind: 'function',
    from: 'work',
    how: 'passed',
    to: 'add_timer',
  };
  const inspected = inspectUpdate(makeUpdate({ addressesOut: [address] }));
  const lines = plain(overviewLines(inspected));
  const head = lines.findIndex((line) => line.startsWith('  undo leaves its new code loaded'));
  expect(lines[head + 1]).toBe('    work() passes the address of again() to add_timer()');
  expect(inspectionJson(inspected)).toMatchObject({ addressesOut: [address] });
});

test('as JSON, plain values only', () => {
  const json = inspectionJson(inspection);
  expect(JSON.parse(JSON.stringify(json))).toMatchObject({
    id: 'test',
    provedAgainst: null,
    allowBusy: [],
    targets: [
      { target: 'fixture', parts: [{ kind: 'function', name: 'work', object: LABEL }, {}, {}, {}] },
    ],
  });
});
