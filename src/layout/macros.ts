// What macros do with their arguments, by their text: those that only use members of what they
// are given make nothing else of it.

import { argumentsAt, codeOf, DIRECTIVE_END, type SourceText } from './code-text.js';

interface Macro {
  readonly parameters: readonly string[];
  readonly body: string;
}

const MOST_STEPS = 8;

export class Macros {
  private readonly known = new Map<string, readonly Macro[]>();

  constructor(private readonly sources: readonly SourceText[]) {}

  /** Whether a macro of this name, in each of its definitions, only uses members of an argument. */
  usesMembers(name: string, index: number, steps = 0): boolean {
    const all = this.named(name);
    if (all.length === 0 || steps > MOST_STEPS) return false;
    return all.every(({ parameters, body }) => {
      const parameter = parameters[index];
      return parameter !== undefined && this.isUsedSo(body, parameter, steps);
    });
  }

  private isUsedSo(body: string, parameter: string, steps: number): boolean {
    const word = `(?<![\\w.#>])${parameter}\\b`;
    const member = new RegExp(
      `\\(\\s*${word}\\s*\\)\\s*(->|\\.(?!\\.))|${word}\\s*(->|\\.(?!\\.))`,
      'g',
    );
    // What is left of it is an argument of another one, as it is.
    let rest = body.replace(member, (found) => ' '.repeat(found.length));
    const calls = /\b([A-Za-z_]\w*)\s*\(/g;
    for (let call = calls.exec(body); call; call = calls.exec(body)) {
      const open = call.index + call[0].length - 1;
      for (const [index, one] of (argumentsAt(body, open) ?? []).entries()) {
        if (one !== parameter && one !== `(${parameter})`) continue;
        if (!this.usesMembers(call[1]!, index, steps + 1)) return false;
        rest = rest.replace(new RegExp(word), '');
      }
    }
    return !new RegExp(`\\b${parameter}\\b`).test(rest);
  }

  private named(name: string): readonly Macro[] {
    const known = this.known.get(name);
    if (known) return known;
    const head = new RegExp(`#[ \\t]*define[ \\t]+${name}\\(([^)]*)\\)([^${DIRECTIVE_END}]*)`, 'g');
    const found = this.sources
      .filter(({ text }) => text.includes(`${name}(`) && text.includes('define'))
      .flatMap(({ text }) =>
        [...codeOf(text).matchAll(head)].map(([, parameters = '', body = '']) => ({
          parameters: parameters.split(',').map((one) => one.trim()),
          body,
        })),
      );
    this.known.set(name, found);
    return found;
  }
}
