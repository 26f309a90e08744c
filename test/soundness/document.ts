// docs/soundness.md: what becomes of each kind of change, and what the last run saw.

import { type Kind, verdictText } from './kind.js';
import type { Group } from './kinds.js';

const HEAD = `# What becomes of each kind of change

Made by \`npm run soundness\` from the list in \`test/soundness\`. For each kind there is a pair of small C files, or a patch of a small tree, that the unit tests compare; and a
change of the stock kernel that \`create\` must refuse, in the words of the document about it ([differ.md](differ.md), [layout.md](layout.md), [safety.md](safety.md)), or of which an
update is made, applied and undone in a guest, and used before, meanwhile and after, with a clean kernel log. *Seen* is what the last run saw: as it should be, or, in bold, what the tool does otherwise.

\`\`\`sh
npm run soundness                 # all kinds
npm run soundness -- member       # those with this word in their name; the table keeps what it says of the others
\`\`\`

What peers do is taken from their documentation and source: kpatch's author guide and \`create-diff-object.c\`, the kernel's \`Documentation/livepatch\`, the paper on Ksplice (2009).
Livepatch is the mechanism: it takes the functions that somebody has compiled, and looks at nothing else. Its column says what it gives an author for the case. *Not checked*: we have not looked.
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
