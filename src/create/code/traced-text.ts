// New text that a trace would read when the new code is gone, or does not trust: of an event that
// records a pointer to its text, the kernel warns if that is not in the kernel proper or in the module
// that defines the event (trace_safe_str()). Which events copy their text is in the source.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Refusal, refusedChange } from '../../base/errors.js';
import type { TracedText } from '../../dangling/traced.js';

/** The text that one target's new code hands to tracepoints. */
export interface TargetText {
  readonly target: string;
  readonly traced: readonly TracedText[];
}

/**
 * @param trees directories of source: the kernel's or a module's, and that of the kernel's headers
 * @throws KspliceError `refused-change` with details of the code `traced-text`
 */
export function refuseTracedText(targets: readonly TargetText[], trees: readonly string[]): void {
  const known = new Map([['', false]]);
  const copies = (event: string) => {
    const found = known.get(event) ?? copiesText(event, traceHeaders(trees));
    known.set(event, found);
    return found;
  };
  const refusals = targets.flatMap(({ target, traced }) =>
    traced
      .filter(({ event }) => !copies(event))
      .map(({ text, from, event }): Refusal => {
        const to = event === '' ? 'a trace' : `the event ${event}`;
        const message = `${target}: ${from}() hands the new text ${text} to ${to}, which keeps the pointer`;
        return { code: 'traced-text', object: target, symbol: from, message, advice: ADVICE };
      }),
  );
  if (refusals.length > 0) throw refusedChange(refusals);
}

const ADVICE =
  'Leave text for traces as it is, or leave its function as it is and change those around it; or take the call of the tracepoint out of the changed function.';

/**
 * Whether an event copies all text that it is given.
 * @param headers texts of the files that may define it; no further one is read when it is found
 * @returns false if it keeps a pointer, or is not found
 */
export function copiesText(event: string, headers: Iterable<string>): boolean {
  const whole = new RegExp(`\\b\\w*TRACE_EVENT\\w*\\(\\s*${event}\\s*,`);
  for (const text of headers) {
    const named = classOf(event, text);
    const begin = named
      ? text.search(new RegExp(`\\bDECLARE_EVENT_CLASS\\(\\s*${named}\\s*,`))
      : text.search(whole);
    if (begin >= 0) return !KEEPS.test(inBraces(text, begin));
  }
  return false;
}

/** The class that an event is one of; by a macro of the header's own, or plainly. */
function classOf(event: string, text: string): string | undefined {
  const plain = new RegExp(`\\bDEFINE_EVENT\\w*\\(\\s*(\\w+)\\s*,\\s*${event}\\s*,`).exec(
    text,
  )?.[1];
  if (plain !== undefined) return plain;
  for (const [, macro, parameters, body] of text.matchAll(MACRO)) {
    const [, named, name] = OF_CLASS.exec(body!) ?? [];
    if (named === undefined || name === undefined) continue;
    for (const [, given] of text.matchAll(new RegExp(`^\\s*${macro}\\(([^;]*)\\)`, 'gm'))) {
      const filled = filledIn([named, name], parameters!.split(','), given!.split(','));
      if (filled[1] === event) return filled[0];
    }
  }
  return undefined;
}

/** With the lines that it goes on in. */
const MACRO = /^#define (\w+)\(([^)]*)\)((?:.*\\\n)*.*)/gm;
const OF_CLASS = /\bDEFINE_EVENT\w*\(\s*(\w+)\s*,\s*(\w+(?:\s*##\s*\w+)*)\s*,/;

/** What the preprocessor makes of words of a macro. */
function filledIn(
  words: readonly string[],
  parameters: readonly string[],
  given: readonly string[],
): string[] {
  const values = new Map(parameters.map((one, index) => [one.trim(), given[index]?.trim() ?? '']));
  return words.map((word) =>
    word.replace(/\w+/g, (part) => values.get(part) ?? part).replace(/\s*##\s*/g, ''),
  );
}

const KEEPS = /\b__field\w*\(\s*(const\s+)?(unsigned\s+)?(char|u8)\s*(const\s*)?\*/;

/** From a name to the end of what is in brackets behind it. */
function inBraces(text: string, begin: number): string {
  let depth = 0;
  for (let at = text.indexOf('(', begin); at >= 0 && at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return text.slice(begin, at);
  }
  return text.slice(begin);
}

/** Those in their usual place first: nearly all are there, and the rest are anywhere in a tree. */
function* traceHeaders(trees: readonly string[]): Generator<string> {
  for (const tree of trees) {
    const usual = join(tree, 'include/trace/events');
    const names = existsSync(usual) ? readdirSync(usual) : [];
    for (const name of names)
      if (name.endsWith('.h')) yield readFileSync(join(usual, name), 'utf8');
  }
  for (const tree of trees) {
    for (const name of readdirSync(tree, { recursive: true, encoding: 'utf8' })) {
      if (/trace[^/]*\.h$/.test(name)) yield readFileSync(join(tree, name), 'utf8');
    }
  }
}
