// docs/faults.md: what the test saw.

import type { Verdict } from './judge.js';
import type { MemoryVerdict } from './memory.js';

const HEAD = `# Faults

*For operators who want to know what is left after a kill, a full disk or a failed allocation.*

\`npm run faults\` writes this page. It kills, refuses or starves \`apply\` and \`undo\` at each of their steps, on the stock kernel in the test
guest. "The step" is the last action before the fault (if a module is refused: the action that was tried).
In each row the kernel's code is as before or updated, never in between. After the next call, and an \`undo\` if
there is something to undo, no module and no file is left: the test checks that for each row.

`;

const MEMORY = `
## No memory in the core

The stock kernel has no fault injection of its own. So the core is built for this test with an allocator in front of the kernel's, which
fails once, at a chosen place. Each place in the core that allocates during an \`apply\` has its turn. If the update is not applied, nothing of it is left in the
kernel.

`;

const REST = `
## What is not injected

- Allocations that the kernel makes for the core (kobjects, sysfs files, allocations of the module loader): this test needs a kernel with \`CONFIG_FAILSLAB\`.
- A machine that goes down in the middle: see *At boot* in the manual page. The test is \`test/vm/boot.test.ts\`.
`;

/** The whole document. */
export function faultsDocument(
  verdicts: readonly Verdict[],
  memory: readonly MemoryVerdict[],
): string {
  const columns = ['call', 'the step', 'fault', 'it ended', 'code after it', 'modules left'];
  return [
    HEAD,
    table([...columns, 'the next call'], verdicts.map(faultRow)),
    MEMORY,
    table(['in', 'allocation', 'it ended', 'code after it'], memory.map(memoryRow)),
    REST,
  ].join('');
}

/** The document's line about a fault. */
export function faultRow({ during, step, fault, ended, code, left, next }: Verdict): string {
  return line([during, step, fault, ended, code, left, next]);
}

/** The document's line about an allocation that fails. */
export function memoryRow({ place, ended, code }: MemoryVerdict): string {
  const [name, allocator] = place.split(':');
  return line([`\`${name}()\``, `\`${allocator}\``, ended, code]);
}

function line(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |\n`;
}

function table(columns: readonly string[], rows: readonly string[]): string {
  return [line(columns), `|${'---|'.repeat(columns.length)}\n`, ...rows].join('');
}
