// docs/soundness.md: what becomes of each kind of change, and what the last run saw.

import { type Kind, verdictText } from './kind.js';
import type { Group } from './kinds.js';

const HEAD = `# The verdict on each kind of change

*For people who change the code, and for everybody who compares such tools.*

\`npm run soundness\` writes this page from the list in \`test/soundness\`. Each kind has two tests. The unit tests compare a pair of small C files, or a patch of a small tree. The second test is a
change of the stock kernel. Either \`create\` must refuse it, as the documents say ([differ.md](differ.md), [layout.md](layout.md), [safety.md](safety.md)). Or an
update is made, applied and undone in a guest, its code is used before, during and after, and the kernel log must be clean. *Seen* is the result of the last run: as it should be, or, in bold, the deviation.

\`\`\`sh
npm run soundness                 # all kinds
npm run soundness -- member       # the kinds with this word in their name; the table keeps the other rows
\`\`\`

The columns on other tools follow their documentation and source: kpatch's author guide and \`create-diff-object.c\`, the kernel's \`Documentation/livepatch\`, the paper on Ksplice (2009).
Livepatch is only the mechanism: it takes functions that somebody has compiled, and checks nothing else. Its column says what it offers an author for the case. *Not checked*: we have not looked.
`;

const RIGHT = 'as it should be';
/** Letters of what was wrong. */
const SHOWN = 400;

const COLUMNS = ['kind', 'verdict', 'why', 'kpatch', 'livepatch', 'Ksplice (2009)', 'seen'];

const cell = (text: string): string =>
  text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** All of a kind's row but what was seen. */
export function rowOf(kind: Kind): string[] {
  const { kpatch, livepatch, ksplice } = kind.peers;
  return [kind.kind, verdictText(kind.verdict), kind.why, kpatch, livepatch, ksplice].map(cell);
}

/** What the document says that was seen of a kind; undefined if it has no such row. */
export function seenOf(document: string, { kind }: Pick<Kind, 'kind'>): string | undefined {
  const row = document.split('\n').find((text) => text.startsWith(`| ${cell(kind)} | `));
  return row?.slice(0, -2).split(' | ').at(-1);
}

/**
 * The document.
 * @param before as it is: kinds that did not run keep what was seen of them
 * @param outcomes what was wrong with those that ran; empty if nothing was
 */
export function soundnessDocument(
  groups: readonly Group[],
  before: string,
  outcomes: ReadonlyMap<Kind, readonly string[]>,
): string {
  const seen = (kind: Kind) => {
    const wrong = outcomes.get(kind);
    if (wrong === undefined) return seenOf(before, kind) ?? 'not yet';
    if (wrong.length === 0) return RIGHT;
    return `**${cell((kind.finding ?? wrong.join('; ')).slice(0, SHOWN))}**`;
  };
  const sections = groups.flatMap(({ title, kinds }) => {
    if (kinds.length === 0) return [];
    const rows = kinds.map((kind) => line([...rowOf(kind), seen(kind)]));
    const table = [line(COLUMNS), `|${'---|'.repeat(COLUMNS.length)}`, ...rows];
    return [`## ${title}`, table.join('\n')];
  });
  return `${HEAD}\n${sections.join('\n\n')}\n`;
}
