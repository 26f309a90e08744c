// Exported functions whose prototypes change: code outside of the update, other
// modules above all, goes on calling them as it was compiled to.

import type { ObjectDiff } from '../diff/types.js';
import type { PatchedFile } from './patched-file.js';

/**
 * A note for each, found in the text of the sources.
 * @param objects with their differences
 */
export function prototypeNotes(
  files: readonly PatchedFile[],
  objects: readonly { readonly label: string; readonly diff: ObjectDiff }[],
): string[] {
  return objects.flatMap(({ label, diff }) => {
    const exported = exportedNames(diff);
    return diff.replaced
      .map(({ name }) => name)
      .filter((name) => exported.has(name) && files.some((file) => changesPrototype(file, name)))
      .map(
        (name) =>
          `${label}: ${name} is exported, and its prototype changes: what this update does not compile, other modules for one, goes on calling it as before. Keep it as it is, and give the new one another name.`,
      );
  });
}

function exportedNames({ pre }: ObjectDiff): Set<string> {
  const names = pre.sections.map(({ name }) => /^___ksymtab(?:_gpl)?\+(.+)$/.exec(name)?.[1]);
  return new Set(names.filter((name) => name !== undefined));
}

/** Whether the text of a source says that a function has other types than before. */
export function changesPrototype({ before, after }: PatchedFile, name: string): boolean {
  const [old, fresh] = [before, after].map((text) => typesOf(text ?? '', name));
  return old !== undefined && fresh !== undefined && old !== fresh;
}

const COMMENT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;

/** The types in the head of a function's definition, one blank between words. */
function typesOf(text: string, name: string): string | undefined {
  const head = new RegExp(`^([^\\n;{}#()]*)\\b${name}[ \\t\\n]*\\(([^;{}]*)\\)\\s*\\{`, 'm').exec(
    text.replace(COMMENT, ' '),
  );
  if (!head) return undefined;
  const parameters = split(head[2] as string).map(withoutName);
  return [head[1], ...parameters].map((part) => words(part ?? '')).join(', ');
}

/** At the commas that stand in no parentheses. */
function split(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const char of text) {
    if (char === '(') depth++;
    if (char === ')') depth--;
    if (char === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts;
}

/** In a definition each parameter has a name: the last word, unless it is a pointer to a function. */
function withoutName(parameter: string): string {
  const pointer = /^([\s\S]*\(\s*\*\s*)\w+(\s*\)[\s\S]*)$/.exec(parameter);
  if (pointer) return `${pointer[1]}${pointer[2]}`;
  return parameter.replace(/([\s*])\w+(\s*(?:\[[^\]]*\])?\s*)$/, '$1$2');
}

function words(text: string): string {
  return text
    .replace(/[*()[\]]/g, ' $& ')
    .trim()
    .replace(/\s+/g, ' ');
}
