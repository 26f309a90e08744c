// The results as a Markdown table, rows that want explaining first.

import { groupName } from './groups.js';
import { type Row, type Sums, sum, type Verdict } from './rows.js';
import type { Results } from './run.js';

export interface Circumstances {
  readonly from: string;
  readonly to: string;
  readonly release: string;
  readonly paths: readonly string[];
  /** Changed .c files below the paths, of which `rows` were run. */
  readonly found: number;
  readonly seconds: number;
}

export function markdown(
  { rows, groups, notJoined }: Pick<Results, 'rows' | 'groups' | 'notJoined'>,
  about: Circumstances,
): string {
  const { from, to, release, paths, found, seconds } = about;
  const where = paths.length > 0 ? paths.map((path) => `\`${path}\``).join(' ') : 'everywhere';
  return [
    `# Corpus: ${from} → ${to}`,
    '',
    '*For people who change the code.*',
    '',
    `Each \`.c\` file that differs between the two sources is a patch of its own against ${release} (${from}).`,
    `Files: ${where}; ${found} differ, ${rows.length} of them were run, in ${Math.round(seconds / 60)} minutes.`,
    '',
    ...figures(sum(rows)),
    ...tables(rows, '##'),
    ...groupTables(groups, notJoined),
    '',
  ].join('\n');
}

function tables(inAnyOrder: readonly Row[], level: Level): string[] {
  const rows = inAnyOrder.toSorted((a, b) => (a.patch < b.patch ? -1 : 1));
  return [
    ...section('Failed', rows, 'failed', level),
    ...section('Refused', rows, 'refused', level),
    ...badlyApplied(rows, level),
    ...updates(rows, level),
    ...plain('No running code changed', rows, 'unchanged', level),
    ...plain('Needs other files of the newer version to compile', rows, 'uncompilable', level),
    ...plain('Not part of this kernel', rows, 'outside', level),
  ];
}

/** Files that do not compile alone, with those that they need. */
function groupTables(groups: readonly Row[], notJoined: Results['notJoined']): string[] {
  if (groups.length + notJoined.length === 0) return [];
  return [
    ...heading('Groups of files', groups.length, '##'),
    'A file that does not compile alone, and the changed files that bring what it needs, are one patch.',
    '',
    ...figures(sum(groups), 'groups'),
    ...tables(groups, '###'),
    ...heading('Their files', groups.length, '###'),
    ...groups.map(({ files = [] }) => `- ${files.map((path) => `\`${path}\``).join(', ')}`),
    ...leftOut(notJoined),
  ];
}

function leftOut(notJoined: Results['notJoined']): string[] {
  if (notJoined.length === 0) return [];
  return [
    ...heading('No group was found', notJoined.length, '###'),
    '| files | why |',
    '|---|---|',
    ...notJoined.map(({ paths, why }) => `| \`${groupName(paths)}\` | ${cell(why)} |`),
  ];
}

function figures(
  { byVerdict, changing, proved, notProved, staying, applied }: Sums,
  what = 'patches',
): string[] {
  const share = (count: number) =>
    changing > 0 ? ` (${((100 * count) / changing).toFixed(1)} %)` : '';
  const lines = [
    ['not part of this kernel', `${byVerdict.outside}`],
    ['do not compile by themselves', `${byVerdict.uncompilable}`],
    ['no running code changed', `${byVerdict.unchanged}`],
    ['**change running code**', `**${changing}**`],
    [
      '→ updated: the old code was found in the image',
      `${byVerdict.updated}${share(byVerdict.updated)}`,
    ],
    ['→ refused', `${byVerdict.refused}${share(byVerdict.refused)}`],
    ['→ failed', `${byVerdict.failed}${share(byVerdict.failed)}`],
    ['new code stays loaded after undo', `${staying} of ${byVerdict.updated} updates`],
  ];
  if (proved + notProved > 0) {
    lines.push(['built and proved by `check`', `${proved} of ${proved + notProved}`]);
  }
  const tried = Object.entries(applied).map(([outcome, count]) => `${count} ${outcome}`);
  if (tried.length > 0) lines.push(['applied and undone in one boot', tried.join(', ')]);
  return [`| | ${what} |`, '|---|---|', ...lines.map(([line, count]) => `| ${line} | ${count} |`)];
}

/** Of headings. */
type Level = '##' | '###';

function heading(title: string, count: number, level: Level): string[] {
  return ['', `${level} ${title}: ${count}`, ''];
}

function section(title: string, rows: readonly Row[], verdict: Verdict, level: Level): string[] {
  const list = rows.filter((row) => row.verdict === verdict);
  if (list.length === 0) return [];
  return [
    ...heading(title, list.length, level),
    '| patch | code | what create says |',
    '|---|---|---|',
    ...list.map(({ patch, code, message }) => `| \`${patch}\` | ${code} | ${cell(message)} |`),
  ];
}

function badlyApplied(rows: readonly Row[], level: Level): string[] {
  const list = rows.filter((row) => row.applied && row.applied !== 'clean');
  const unproved = rows.filter((row) => row.proved === false);
  if (list.length + unproved.length === 0) return [];
  return [
    ...heading('Not proved, or not applied', list.length + unproved.length, level),
    '| patch | outcome | why |',
    '|---|---|---|',
    ...unproved.map(({ patch, message }) => `| \`${patch}\` | not proved | ${cell(message)} |`),
    ...list.map(
      ({ patch, applied, appliedMessage }) =>
        `| \`${patch}\` | ${applied} | ${cell(appliedMessage ?? '')} |`,
    ),
  ];
}

function updates(rows: readonly Row[], level: Level): string[] {
  const list = rows.filter((row) => row.verdict === 'updated');
  if (list.length === 0) return [];
  return [
    ...heading('Updated', list.length, level),
    '| patch | target | functions | spans matched | ms | proved | applied |',
    '|---|---|---|---|---|---|---|',
    ...list.map((row) => {
      const proved = row.proved === undefined ? '' : row.proved ? 'yes' : 'NO';
      const names = row.functions.slice(0, 4).join(', ');
      const more = row.functions.length > 4 ? `, and ${row.functions.length - 4} more` : '';
      return `| \`${row.patch}\` | ${row.targets.join(', ')} | ${names}${more} | ${row.matched} | ${row.ms} | ${proved} | ${row.applied ?? ''} |`;
    }),
  ];
}

function plain(title: string, rows: readonly Row[], verdict: Verdict, level: Level): string[] {
  const list = rows.filter((row) => row.verdict === verdict);
  if (list.length === 0) return [];
  return [
    ...heading(title, list.length, level),
    list.map(({ patch }) => `\`${patch}\``).join(', '),
  ];
}

function cell(text: string): string {
  const line = text.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim();
  return line.length > 400 ? `${line.slice(0, 400)}…` : line;
}
