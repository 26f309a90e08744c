// The section of the page about types of data that change.

import { type ChangedType, type DataTypes, typeFate } from './data-types.js';
import { html, type Markup } from './markup.js';

/** What is known of the types, with each that changes, folded up. */
export function typesView(types: DataTypes): Markup {
  switch (types.comparing) {
    case 'not told':
      return html`<p>The update does not say whether the types of its objects were compared.</p>`;
    case 'not possible':
      return html`<p>The types were not compared: the compiler could not describe them.</p>`;
    case 'not touched':
      return html`<p>The patch changes only statements, and so no type.</p>`;
    case 'compared':
      if (types.changes.length === 0) {
        return html`<p>The types of the objects were compared, and none changes.</p>`;
      }
      return html`<p>The types of the objects were compared when the update was made. These change:</p>
${types.changes.map(typeView)}`;
  }
}

function typeView(type: ChangedType): Markup {
  const { name, objects, verdict, reasons, notes, lines } = type;
  return html`<details class="part"${verdict === 'allowed' ? html` open` : ''}>
<summary><code class="name">${name}</code> <span class="fate">${typeFate(type)}</span>
<span class="size">${objects.join(', ')}</span></summary>
<div class="code">
${[...reasons, ...notes].map((text) => html`<p class="remark">${text}</p>\n`)}${lines.length === 0 ? '' : linesView(lines)}
</div>
</details>
`;
}

function linesView(lines: readonly string[]): Markup {
  return html`<pre class="patch">${lines.map((line) => html`<span class="${lineClass(line)}">${line}\n</span>`)}</pre>`;
}

function lineClass(line: string): string {
  if (line.startsWith('+')) return 'added';
  return line.startsWith('-') ? 'removed' : 'same';
}
