// An inspection as one page for reviewers: no script, nothing from elsewhere.

import { addressInWords } from '../update/addresses-out.js';
import { fixLines } from '../update/fixes.js';
import { fold, type Row } from './align.js';
import { type ChangedPart, isCodePart, newSize, oldSize } from './changed-parts.js';
import type { Line } from './code.js';
import type { Inspection, TargetInspection } from './inspection.js';
import { type Listing, listParts } from './listing.js';
import { html, type Markup } from './markup.js';
import { PAGE_STYLE } from './page-style.js';
import { typesView } from './page-types.js';
import type { NeededSymbol } from './symbols.js';
import { fate, grouped, moment, sizeChange, wayTo } from './words.js';

/** Equal lines shown around each difference; the others can be unfolded. */
const CONTEXT = 4;

/** The whole page. */
export function inspectionPage(inspection: Inspection): string {
  const { id, patch, targets, dataTypes } = inspection;
  // A page from a foreign update may not fetch, run or send anything, whatever it holds.
  const policy = "default-src 'none'; style-src 'unsafe-inline'";
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Update ${id}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
${header(inspection)}
<main>
<section>
<h2>Source patch</h2>
${patchView(patch)}
</section>
<section>
<h2>Types of data</h2>
${typesView(dataTypes)}
</section>
${targets.map(targetView)}
</main>
</body>
</html>
`.text;
}

function header(inspection: Inspection): Markup {
  const { id, description, kernel, made, provedAgainst, on, targets } = inspection;
  const { allowBusy, allowLayout, addressesOut, fixes } = inspection;
  const parts = targets.flatMap((target) => target.parts);
  const replaced = parts.filter(({ kind }) => kind === 'function').length;
  const bytes = parts.reduce((sum, part) => sum + newSize(part), 0);
  const matched = targets.reduce((sum, target) => sum + target.matched.functions, 0);
  return html`<header>
<h1>Update <b>${id}</b></h1>
${description === '' ? '' : html`<p class="description">${description}</p>`}
${fixLines(fixes).map((line) => html`<p>It ${line}.</p>\n`)}<p>For ${kernel.system} <b>${kernel.release}</b> (${kernel.machine}), made ${moment(made)}.
${provedAgainst === undefined ? 'It does not say against which kernel it was proved.' : `Proved against ${provedAgainst} when it was made.`}${on.length === 0 ? '' : ` It goes on top of ${on.join(', ')}.`}</p>
${allowBusy.length === 0 ? '' : html`<p>Tasks may be in these functions at the switch, as its maker has promised: ${allowBusy.map((name) => html`<code>${name}</code> `)}</p>`}
${allowLayout.length === 0 ? '' : html`<p>These types change though objects of them may exist, which is harmless as its maker has promised: ${allowLayout.map((name) => html`<code>${name}</code> `)}</p>`}
${addressesOut.length === 0 ? '' : html`<p>Undo leaves its new code loaded until the next boot, since others get addresses of it: ${addressesOut.map((one, index) => `${index === 0 ? '' : '; '}${addressInWords(one)}`)}.</p>`}
<ul class="facts">
${fact(targets.length, targets.length === 1 ? 'target' : 'targets')}
${fact(replaced, replaced === 1 ? 'function replaced' : 'functions replaced')}
${fact(bytes, 'bytes of new code and data')}
${fact(matched, 'functions compared before the switch')}
</ul>
</header>`;
}

function fact(number: number, what: string): Markup {
  return html`<li><b>${grouped(number)}</b> ${what}</li>`;
}

/** A longer patch would hide what is below it. */
const OPEN_PATCH = 150;

function patchView(patch: string): Markup {
  const lines = patch.replace(/\n$/, '').split('\n');
  const view = html`<pre class="patch">${lines.map((line) => html`<span class="${patchClass(line)}">${line}\n</span>`)}</pre>`;
  if (lines.length <= OPEN_PATCH) return view;
  return html`<details><summary>${grouped(lines.length)} lines</summary>\n${view}</details>`;
}

function patchClass(line: string): string {
  if (/^(diff |index |---|\+\+\+)/.test(line)) return 'file';
  if (line.startsWith('@@')) return 'hunk';
  if (line.startsWith('+')) return 'added';
  return line.startsWith('-') ? 'removed' : 'same';
}

function targetView(target: TargetInspection): Markup {
  const { modules, objects, parts, tables, symbols, matched } = target;
  const listings = listParts(target, parts);
  const fresh = listings.filter(({ part }) => part.object === '');
  return html`<section>
<h2>${target.target === 'vmlinux' ? 'The kernel proper' : 'Module'} <code>${target.target}</code></h2>
<p>Before the switch, <b>${grouped(matched.functions)}</b> functions (${grouped(matched.code)} bytes) and
<b>${grouped(matched.data)}</b> bytes of read-only data are compared with the running kernel, and ${grouped(matched.keys)}
addresses are inferred from them. The update replaces ${grouped(matched.replaced)} of these functions, cold parts included.</p>
<p class="legend">Marked lines differ. A branch is marked if it leads to other code, not if the code has only moved.
Old code names data that the new code does not use by its place in the object file.</p>
${objects.map((object) => objectView(object, listings))}
${fresh.length === 0 ? '' : html`<h3>Only in the new code</h3>${fresh.map(partView)}`}
<h3>Special tables of the new code</h3>
${tables.length === 0 ? html`<p>None.</p>` : tablesView(target)}
<h3>Symbols needed</h3>
${symbolsView(symbols)}
<h3>Modules loaded</h3>
<table><tbody>
${modules.map(({ file, bytes }) => html`<tr><td><code>${file}</code></td><td class="number">${grouped(bytes)} bytes</td></tr>\n`)}
</tbody></table>
</section>`;
}

function objectView(object: string, listings: readonly Listing[]): Markup {
  const own = listings.filter(({ part }) => part.object === object);
  return html`<h3><code>${object}</code></h3>\n${own.map(partView)}`;
}

function partView({ part, rows }: Listing): Markup {
  // One function is what the reader came for; of many, an overview first.
  return html`<details class="part"${part.kind === 'function' ? html` open` : ''}>
<summary><code class="name">${part.name}</code> <span class="fate ${part.kind}">${fate(part)}</span>
<span class="size">${sizeChange(part, '→')}${difference(part)}</span></summary>
<div class="code">
${rows.length === 0 ? html`<p>No contents.</p>` : rowsView(part, rows)}
</div>
</details>
`;
}

function difference(part: ChangedPart): string {
  if (!part.old || !part.new) return '';
  const bytes = newSize(part) - oldSize(part);
  if (bytes === 0) return ' (the same)';
  return ` (${bytes > 0 ? '+' : '−'}${grouped(Math.abs(bytes))})`;
}

function rowsView(part: ChangedPart, rows: readonly Row[]): Markup {
  const cell = isCodePart(part) ? codeCell : dataCell;
  if (!part.old || !part.new) {
    const lines = rows.map(
      ({ old, new: now }) => html`<div class="row">${cell(old ?? now)}</div>\n`,
    );
    return html`<div class="single">${lines}</div>`;
  }
  const view = ({ kind, old, new: now }: Row) =>
    html`<div class="row ${kind}">${cell(old)}${cell(now)}</div>\n`;
  const stretches = fold(rows, CONTEXT).map((stretch) =>
    stretch.folded
      ? html`<details class="equal"><summary>${stretch.rows.length} equal lines</summary>
${stretch.rows.map(view)}</details>\n`
      : html`${stretch.rows.map(view)}`,
  );
  return html`<div class="row heads"><span></span><b>running kernel</b><span></span><b>update</b></div>\n${stretches}`;
}

function codeCell(line: Line | undefined): Markup {
  if (!line) return EMPTY;
  const { offset, bytes, text, note } = line;
  const hex = (Buffer.from(bytes).toString('hex').match(/../g) ?? []).join(' ');
  const [, mnemonic = '', operands = ''] = /^(\S*)(.*)$/s.exec(text) ?? [];
  return html`<span title="${hex}">${offset.toString(16)}</span><code><i>${mnemonic}</i>${operands}${note ? html` <small>${note}</small>` : ''}</code>`;
}

function dataCell(line: Line | undefined): Markup {
  if (!line) return EMPTY;
  return html`<span>${line.offset.toString(16)}</span><code>${line.text}</code>`;
}

const EMPTY = html`<span></span><code></code>`;

function tablesView({ tables }: TargetInspection): Markup {
  return html`<table>
<thead><tr><th>Table</th><th>What for</th><th class="number">Entries</th><th>Functions</th></tr></thead>
<tbody>
${tables.map(
  ({ name, mechanism, entries, functions }) =>
    html`<tr><td><code>${name}</code></td><td>${mechanism}</td><td class="number">${grouped(entries)}</td><td>${functions.map((one) => html`<code>${one}</code> `)}</td></tr>\n`,
)}
</tbody></table>`;
}

function symbolsView(symbols: readonly NeededSymbol[]): Markup {
  return html`<table>
<thead><tr><th>Symbol</th><th>How it is found</th><th class="number">Uses</th></tr></thead>
<tbody>
${symbols.map(
  (symbol) =>
    html`<tr><td><code>${symbol.name}</code></td><td>${wayTo(symbol)}${symbol.compared ? html` <span class="check">compared with run-pre matching</span>` : ''}</td><td class="number">${symbol.uses === 0 ? '' : grouped(symbol.uses)}</td></tr>\n`,
)}
</tbody></table>`;
}
