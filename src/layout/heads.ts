// Functions whose heads a patch changes, by the source: their names, of definitions and declarations.

import { declarations } from './declarations.js';

/** What stands before the name, the name, and the parameters, of which some may be functions. */
const HEAD = /([\w\s*]*)\b(\w+)\s*\(((?:[^()]|\([^()]*\))*)\)/g;

/** What stands before parentheses and is no name: half of the tree's lines have such a word. */
const WORDS_OF_C = /^(if|for|while|switch|return|case|else|do|sizeof|typeof|defined)$/;

/**
 * Of functions that are not static on both sides: nobody else calls those, unless they are marked as
 * such that BPF programs call. A name too many does no harm.
 */
export function changedHeads(before = '', after = ''): string[] {
  if (before === after) return [];
  const [old, now] = [headsOf(before), headsOf(after)];
  const isStatic = (head: string) => /\bstatic\b/.test(head) && !/\b__bpf_kfunc\b/.test(head);
  return [...old].flatMap(([name, head]) => {
    const other = now.get(name);
    if (other === undefined || other === head) return [];
    return isStatic(head) && isStatic(other) ? [] : [name];
  });
}

function headsOf(text: string): Map<string, string> {
  const heads = new Map<string, string>();
  for (const [whole, , name = ''] of (declarations(text)?.all ?? text).matchAll(HEAD)) {
    if (WORDS_OF_C.test(name)) continue;
    heads.set(name, `${heads.get(name) ?? ''}\n${whole}`);
  }
  return heads;
}
