// docs/chaos.md: the last run of each row.

/** One run. */
export interface Row {
  readonly kernel: string;
  readonly release: string;
  /** Boot options. */
  readonly append: string;
  readonly seed: number;
  readonly minutes: number;
  /** Unknown of a run that did not get to its end. */
  readonly actions: number | undefined;
  readonly switches: number | undefined;
  /** What was wrong; "none" if nothing was. */
  readonly finding: string;
}

const HEAD = `# Chaos

*For people who change the code.*

\`npm run chaos\` does everything at once, in one boot with three CPUs, for some minutes. It applies and undoes updates of hot, sleeping, dying, ftrace-less and stacked functions and of a
module, by hand and by the tool, and sometimes kills the tool. At the same time processes and threads come and go, wait for signals, poll in a loop and are kept from running in the
middle of the kernel. Tracers, kprobes, BPF programs and perf come and go on the functions that are replaced, CPUs go off and on, and the module is loaded and removed. After each
step the test asks all functions which code they are, and compares their first bytes with the core's report. At the end nothing may be left in the kernel, the kernel log must be
clean, and the kernel must hold no more memory than after the first quarter of the time.

The seed determines all actions, but not their relative timing, so a finding may need several runs. The table has the last run of each row; \`npm run chaos\` writes it
(\`test/vm/chaos\`):

\`\`\`sh
npm run chaos -- --minutes 10 --seed 4711 --append 'preempt=full' --kernel rt
\`\`\`

| kernel | release | boot options | seed | minutes | actions | switches | findings |
|---|---|---|---|---|---|---|---|
`;

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

/** The beginning of a row's line, which is its name. */
const nameOf = ({ kernel, append }: Row, release: string): string =>
  `| ${kernel} | ${release} | ${append === '' ? '' : `\`${append}\``} |`;

/** The document with a row in place of the one for the same kernel and options, or added. */
export function chaosDocument(before: string, row: Row): string {
  const { release, seed, minutes, actions, switches, finding } = row;
  const name = nameOf(row, release);
  const numbers = [seed, minutes, actions ?? '?', switches ?? '?'].join(' | ');
  const line = `${name} ${numbers} | ${cell(finding)} |`;
  const rows = before.split('\n').filter((text) => /^\| (?!kernel )[^|-]/.test(text));
  // The release changes with the archive.
  const same = (text: string) =>
    text.replace(/^(\| \S+ \|) \S+ /, '$1 ? ').startsWith(nameOf(row, '?'));
  const at = rows.findIndex(same);
  const lines = at < 0 ? [...rows, line] : rows.with(at, line);
  return `${HEAD}${lines.join('\n')}\n`;
}
