// Whether an enumerator that seems to tell how many there are is a value like the others: it is
// stored, returned, handed to one who stores it, or asked for. By the source, since the compiler
// leaves numbers.

import {
  argumentsAt,
  callAround,
  codeOf,
  DIRECTIVE_END,
  functionsIn,
  placeIn,
  type SourceText,
} from './code-text.js';

/** A number of things has such a name: nr_items, max, count, item_size. */
const COUNT =
  /^(n|nr|num|max|cnt|count|len|size|last|end|limit|bound)$|^(n|nr|num|max|cnt|count)_|^(max|num)|_(n|nr|num|max|cnt|count|counts|len|length|size|limit|bound|last|end)$|^(nents|length|total)$|^n[a-z]+s$/i;
/** What runs through numbers. */
const INDEX = /^(i|j|k|l|n|idx|index|pos)$|_(idx|index)$/;
/** Who gets a value to keep it. */
const KEEPS =
  /(^|_)(set|change|store|switch|transition|enter|update|xchg|cmpxchg|write)(_|$)|^WRITE_ONCE$/i;
const ALIASES = 3;

/**
 * The first such use, in words: "fs/foo.c:12 stores it". undefined if there is none.
 * @param others enumerators of the same enum
 */
export function usedAsValue(
  sources: Iterable<SourceText>,
  name: string,
  others: ReadonlySet<string>,
  depth = 0,
): string | undefined {
  const word = new RegExp(`\\b${name}\\b`, 'g');
  const aliases = new Set<string>();
  const all = [...sources];
  for (const source of all) {
    if (!source.text.includes(name)) continue;
    const code = codeOf(source.text);
    for (const { index: at } of code.matchAll(word)) {
      const alias = aliasAt(code, at, at + name.length);
      if (alias !== undefined) aliases.add(alias);
      const how = alias === undefined ? useAt(code, at, at + name.length, others) : undefined;
      if (how !== undefined) return `${placeIn(source, at)} ${how}`;
    }
  }
  for (const alias of depth < ALIASES ? aliases : []) {
    const found = usedAsValue(all, alias, others, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `#define OTHER NAME`, with parentheses or without. */
function aliasAt(code: string, start: number, end: number): string | undefined {
  const before = /#\s*define\s+(\w+)\s+\(*\s*$/.exec(code.slice(Math.max(0, start - 120), start));
  if (!before || !/^[\s)]*(@|$)/.test(code.slice(end, end + 40))) return undefined;
  return before[1];
}

function useAt(
  code: string,
  start: number,
  end: number,
  others: ReadonlySet<string>,
): string | undefined {
  const before = code.slice(Math.max(0, start - 120), start).trimEnd();
  const after = code.slice(end, end + 80).trimStart();
  const isAlone = after === '' || /^[;,)}\]:]/.test(after) || after.startsWith(DIRECTIVE_END);
  if (/\b(case|\.\.\.)$/.test(before) || before.endsWith('...')) return 'has a case for it';
  const compared = /([\w.>\]-]+(?:\([^()]*\))?)\s*[=!]=$/.exec(before)?.[1] ?? '';
  const reversed = /^[=!]=\s*([\w.>-]+)/.exec(after)?.[1] ?? '';
  const isCompared = /[=!]=$/.test(before) || /^[=!]=/.test(after);
  if (isCompared) {
    const counts = isCount(compared || reversed) || INDEX.test(compared || reversed);
    return counts || inLoop(code, start) ? undefined : 'asks whether something is it';
  }
  if (!isAlone) return undefined;
  if (/[{,]\s*\[$/.test(before) && /^\]\s*=/.test(after)) return 'has an entry for it';
  if (/\breturn$/.test(before)) {
    const name = functionsIn(code).find((one) => start >= one.start && start < one.end)?.name;
    return name !== undefined && isCount(name) ? undefined : 'returns it';
  }
  if (/(?<![=!<>+\-*/|&^%])=$/.test(before)) {
    const left = before.slice(0, -1);
    return isStored(left, code, start, others) ? 'stores it' : undefined;
  }
  if (/[?:]$/.test(before) && !/\bcase\b[^;:?]*:$/.test(before)) return 'chooses it';
  if (/[(,]$/.test(before) && /^[,)]/.test(after)) return passed(code, start);
  return undefined;
}

function isStored(left: string, code: string, at: number, others: ReadonlySet<string>): boolean {
  const name = lastName(left);
  return !others.has(name) && !isCount(name) && !INDEX.test(name) && !inLoop(code, at);
}

/** To one who keeps it, beside a place that does not count. */
function passed(code: string, at: number): string | undefined {
  const call = callAround(code, at);
  if (!call || !KEEPS.test(call.name) || /^bitmap_/.test(call.name)) return undefined;
  if (isCount(call.name)) return undefined;
  const [first = ''] = argumentsAt(code, call.open) ?? [];
  return isCount(lastName(first)) ? undefined : `gives it to ${call.name}()`;
}

function inLoop(code: string, at: number): boolean {
  const before = code.slice(Math.max(0, at - 120), at);
  const head = /.*\bfor\s*(\([^{}]*)$/s.exec(before)?.[1] ?? '';
  return head.split('(').length > head.split(')').length;
}

function lastName(text: string): string {
  return /([A-Za-z_]\w*)\s*(?:\[[^\]]*\])?\s*\)*\s*$/.exec(text)?.[1] ?? '';
}

function isCount(text: string): boolean {
  return /\b(ARRAY_SIZE|sizeof)\b/.test(text) || COUNT.test(lastName(text));
}
