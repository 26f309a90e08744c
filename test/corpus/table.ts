// The results as a Markdown table, rows that want explaining first.

import { type Row, type Sums, sum, type Verdict } from './rows.js';

export interface Circumstances {
  readonly from: string;
  readonly to: string;
  readonly release: string;
  readonly paths: readonly string[];
  /** Changed .c files below the paths, of which `rows` were run. */
  readonly found: number;
  readonly seconds: number;
}

export function markdown(inAnyOrder: readonly Row[], about: Circumstances): string {
  const rows = inAnyOrder.toSorted((a, b) => (a.patch < b.patch ? -1 : 1));
  const { from, to, release, paths, found, seconds } = about;
  const sums = sum(rows);
  const where = paths.length > 0 ? paths.map((path) => `\`${path}\``).join(' ') : 'everywhere';
  return [
    `# Corpus: ${from} → ${to}`,
    '',
    '*For people who change the code.*',
    '',
    `Each \`.c\` file that differs between the two sources is a patch of its own against ${release} (${from}).`,
    `Files: ${where}; ${found} differ, ${rows.length} of them were run, in ${Math.round(seconds / 60)} minutes.`,
    '',
    ...figures(sums),
    ...section('Failed', rows, 'failed'),
    ...section('Refused', rows, 'refused'),
    ...badlyApplied(rows),
    ...updates(rows),
    ...plain('No running code changed', rows, 'unchanged'),
    ...plain('Needs other files of the newer version to compile', rows, 'uncompilable'),
    ...plain('Not part of this kernel', rows, 'outside'),
    '',
  ].join('\n');
}

function figures({ byVerdict, changing, proved, notProved, staying, applied }: Sums): string[] {
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
  return ['| | patches |', '|---|---|', ...lines.map(([what, count]) => `| ${what} | ${count} |`)];
}

function heading(title: string, count: number): string[] {
  return ['', `## ${title}: ${count}`, ''];
}

function section(title: string, rows: readonly Row[], verdict: Verdict): string[] {
  const list = rows.filter((row) => row.verdict === verdict);
  if (list.length === 0) return [];
  return [
    ...heading(title, list.length),
    '| patch | code | what create says |',
    '|---|---|---|',
    ...list.map(({ patch, code, message }) => `| \`${patch}\` | ${code} | ${cell(message)} |`),
  ];
}

function badlyApplied(rows: readonly Row[]): string[] {
  const list = rows.filter((row) => row.applied && row.applied !== 'clean');
  const unproved = rows.filter((row) => row.proved === false);
  if (list.length + unproved.length === 0) return [];
  return [
    ...heading('Not proved, or not applied', list.length + unproved.length),
    '| patch | outcome | why |',
    '|---|---|---|',
    ...unproved.map(({ patch, message }) => `| \`${patch}\` | not proved | ${cell(message)} |`),
    ...list.map(
      ({ patch, applied, appliedMessage }) =>
        `| \`${patch}\` | ${applied} | ${cell(appliedMessage ?? '')} |`,
    ),
  ];
}

function updates(rows: readonly Row[]): string[] {
  const list = rows.filter((row) => row.verdict === 'updated');
  if (list.length === 0) return [];
  return [
    ...heading('Updated', list.length),
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

function plain(title: string, rows: readonly Row[], verdict: Verdict): string[] {
  const list = rows.filter((row) => row.verdict === verdict);
  if (list.length === 0) return [];
  return [...heading(title, list.length), list.map(({ patch }) => `\`${patch}\``).join(', ')];
}

function cell(text: string): string {
  const line = text.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim();
  return line.length > 400 ? `${line.slice(0, 400)}…` : line;
}
