// Types of data that change, from two compiled objects through the report to what is shown.

import { beforeAll, describe, expect, test } from 'vitest';
import { STT_FUNC } from '../../src/elf/constants.js';
import { type DataTypes, dataTypesOf } from '../../src/inspect/data-types.js';
import { inspectUpdate } from '../../src/inspect/inspection.js';
import { inspectionPage } from '../../src/inspect/page.js';
import { overviewLines } from '../../src/inspect/terminal.js';
import { judgeLayout } from '../../src/layout/guard.js';
import { compile, textOf } from '../layout/compile.js';
import { makeUpdate } from './support/update.js';

const source = (hole: string, stack: string, kept: string) => `
struct in_hole { char a; ${hole} long b; } in_hole;
struct on_stack { long at; ${stack} };
struct in_use { long c; ${kept} } in_use;
extern int visit(struct on_stack *where);
int start(long at) { struct on_stack it = { .at = at }; return visit(&it) + in_hole.a + in_use.c; }
`;
const [BEFORE, AFTER] = [source('', '', ''), source('int fresh;', 'long more;', 'long grown;')];

/** As the update's archive has it. */
let report: { layout: { comparing: string; changes: Record<string, unknown>[] } };

beforeAll(() => {
  const [pre, post] = [compile(BEFORE), compile(AFTER)];
  const functions = pre.symbols.filter(({ type }) => type === STT_FUNC);
  const replaced = new Set(functions.map(({ name }) => name));
  const allowed = ['struct in_use', 'the variable in_use'];
  const changes = judgeLayout(
    [{ name: 'drivers/a.o', pre, post, replaced, sources: textOf(BEFORE, AFTER) }],
    allowed,
  );
  report = JSON.parse(JSON.stringify({ layout: { comparing: 'compared', changes } }));
});

const inspect = (given: unknown) => inspectUpdate(makeUpdate({ report: given }));
const page = (given: unknown) => inspectionPage(inspect(given));
const overview = (given: unknown) =>
  overviewLines(inspect(given)).map((line) =>
    typeof line === 'string'
      ? line
      : line.map((part) => (typeof part === 'string' ? part : part[1])).join(''),
  );

describe('types that change', () => {
  test('are shown with what becomes of what exists', () => {
    const { dataTypes } = inspect(report);
    const verdicts = (types: DataTypes) =>
      types.comparing === 'compared' && types.changes.map(({ name, verdict }) => [name, verdict]);
    expect(verdicts(dataTypes)).toEqual([
      ['struct in_hole', 'fits'],
      ['struct on_stack', 'on stacks'],
      ['struct in_use', 'allowed'],
    ]);
  });

  test('are on the page with their members before and after', () => {
    const text = page(report);
    for (const name of ['in_hole', 'on_stack', 'in_use']) {
      expect(text).toContain(`<code class="name">struct ${name}</code>`);
    }
    expect(text).toContain('fresh is new, where there was a hole');
    expect(text).toContain('<span class="fate">only on stacks of functions that are replaced<');
    expect(text).toMatch(/<span class="added">\+ long int more; .*\n<\/span>/);
    expect(text).toContain('drivers/a.o');
  });

  test('are named on a terminal, those that are allowed elsewhere', () => {
    const lines = overview(report);
    const at = lines.indexOf('  changes types without harm');
    expect(lines.slice(at + 1, at + 3)).toEqual([
      '    struct in_hole  existing objects fit the new code',
      '    struct on_stack  only on stacks of functions that are replaced',
    ]);
    expect(lines[at + 3]).not.toContain('struct');
  });

  test.each([
    ['not touched', 'changes only statements'],
    ['not possible', 'could not describe them'],
  ])('are not there if they were %s', (comparing, words) => {
    const given = { layout: { comparing, changes: [] } };
    expect(page(given)).toContain(words);
    expect(overview(given)).not.toContain('  changes types without harm');
  });

  test('none is told as well', () => {
    expect(page({ layout: { comparing: 'compared', changes: [] } })).toContain('and none changes');
  });
});

describe('a report that cannot be understood', () => {
  const change = (field: string, value: unknown) => {
    const [first, ...rest] = report.layout.changes;
    return { layout: { comparing: 'compared', changes: [{ ...first, [field]: value }, ...rest] } };
  };

  test.each([
    ['there is none', () => undefined],
    ['is no object', () => 'x'],
    ['has no layout', () => ({})],
    ['says another word', () => ({ layout: { comparing: 'toString', changes: [] } })],
    ['has no list', () => ({ layout: { comparing: 'compared' } })],
    ['has something else in the list', () => ({ layout: { comparing: 'compared', changes: [3] } })],
    ['has no name', () => change('name', 3)],
    ['has a verdict that is none', () => change('verdict', 'constructor')],
    ['has a text for a list', () => change('lines', 'long a;')],
    ['has a number among texts', () => change('notes', [3])],
  ])('tells nothing: %s', (_, given) => {
    expect(dataTypesOf(given())).toEqual({ comparing: 'not told' });
    expect(page(given())).toContain('does not say whether the types');
  });

  test('what it says stays text', () => {
    const text = page(change('notes', ['<script>alert(1)</script>']));
    expect(text).toContain('&lt;script&gt;alert(1)');
    expect(text).not.toContain('<script');
  });
});
