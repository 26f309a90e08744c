// Whether the source makes something else into values of a type. Debugging information tells
// which variables there are of it, and not where what they hold comes from: memory of no type
// (`(struct foo *)skb->cb`, what kmalloc() gave, the void * of a callback) becomes one by a cast,
// by container_of(), when it is passed, assigned or copied.

import {
  argumentsAt,
  callAround,
  codeOf,
  DIRECTIVE_END,
  type FunctionText,
  functionsIn,
  placeIn,
  type SourceText,
} from './code-text.js';
import type { Holders } from './holders.js';
import { Macros } from './macros.js';

/** These look at what they are given, and put zeros there at most. */
const HARMLESS =
  /^(sizeof|memset|memzero_explicit|if|while|for|switch|return|likely|unlikely|(WARN|BUG)(_ON)?(_ONCE)?|VM_BUG_ON|VM_WARN_ON(_ONCE)?|IS_ERR(_OR_NULL)?)$/;
/** Before the name of what is declared. */
const QUALIFIERS = '(?:\\s|\\b(?:const|volatile|restrict|__\\w+)\\b)*';
const DECLARED = new RegExp(`^${QUALIFIERS}(?:\\*${QUALIFIERS})*[A-Za-z_]\\w*`);
const DEFINED = new RegExp(`^${QUALIFIERS}[{;]`);
const POINTER_ENDS = new RegExp(`^${QUALIFIERS}\\*[\\s*]*${QUALIFIERS}\\)`);
const IDENTIFIER = /^[A-Za-z_]\w*$/;
/** What may stand before the parenthesis of a cast. */
const KEYWORDS = new Set(['return', 'case', 'else', 'do', '']);

/**
 * The first place where that is so, in words: "fs/foo.c:12 casts to it". undefined if there is none.
 * @param sources all that the compiler read
 * @param names of the type, "struct foo" or of a typedef
 */
export function whoMakesOne(
  sources: readonly SourceText[],
  names: readonly string[],
  holders: Holders,
): string | undefined {
  const words = names.map((name) => name.split(' ').join('\\s+')).join('|');
  const pattern = new RegExp(`(?<![\\w.>])(?:${words})\\b`, 'g');
  const last = names.map((name) => name.split(' ').at(-1)!);
  const wanted = new RegExp(`\\b(?:${[...last, ...holders.takers.keys()].join('|')})\\b`);
  const macros = new Macros(sources);
  for (const source of sources) {
    if (!wanted.test(source.text)) continue;
    const code = codeOf(source.text);
    const found = byName(code, pattern, holders) ?? byUse(code, holders, macros);
    if (found) return `${placeIn(source, found.at)} ${found.how}`;
  }
  return undefined;
}

interface Found {
  readonly at: number;
  readonly how: string;
}

/** Where its name stands, and declares nothing that debugging information would tell of. */
function byName(code: string, pattern: RegExp, holders: Holders): Found | undefined {
  for (const { index: at, 0: name } of code.matchAll(pattern)) {
    const rest = code.slice(at + name.length, at + name.length + 200);
    const call = callAround(code, at);
    if (call && /(^|_)typeof_*$/.test(call.name)) return { at, how: 'asks for the type of one' };
    if (DEFINED.test(rest) || DECLARED.test(rest)) continue;
    if (rest.startsWith(DIRECTIVE_END)) return { at, how: 'has another name for it' };
    if (!call) return { at, how: 'mentions it in a way that is not understood' };
    // A value that is written down: (struct foo){ .a = 1 }
    if (/^\s*\)\s*\{/.test(rest) && KEYWORDS.has(call.name)) continue;
    // That of a pointer is the same for all.
    if (call.name === 'sizeof' && (POINTER_ENDS.test(rest) || clears(code, call.open))) continue;
    if (call.name === 'sizeof') return { at, how: 'takes the size of one' };
    // A prototype without the names of its parameters.
    if (holders.takers.has(call.name)) continue;
    if (KEYWORDS.has(call.name) && POINTER_ENDS.test(rest)) return { at, how: 'casts to it' };
    if (KEYWORDS.has(call.name)) return { at, how: 'makes one of something else' };
    return { at, how: `gives it to ${call.name}()` };
  }
  return undefined;
}

/** memset(&x, 0, sizeof(struct foo)), and what the compiler alone looks at. */
function clears(code: string, open: number): boolean {
  const around = callAround(code, open);
  return (
    around !== undefined &&
    /^(memset|memzero_explicit|BUILD_BUG_ON|static_assert)$/.test(around.name)
  );
}

/** Where a name of one is used in a way that lets other memory become one. */
function byUse(code: string, holders: Holders, macros: Macros): Found | undefined {
  const stretches = functionsIn(code);
  const calls = /\b([A-Za-z_]\w*)\s*\(/g;
  for (let call = calls.exec(code); call; call = calls.exec(code)) {
    const [text, name] = [call[0], call[1]!];
    const taken = holders.takers.get(name);
    const isTypeof = /^(__)?typeof(__)?$/.test(name);
    if (!taken && !isTypeof && HARMLESS.test(name)) continue;
    const where = nameAt(stretches, call.index);
    if (isHead(stretches, call.index)) continue;
    const given = argumentsAt(code, call.index + text.length - 1);
    if (!given) continue;
    const at = call.index;
    for (const [index, one] of given.entries()) {
      if (taken?.has(index)) {
        if (!isOne(one, where, holders) && !isDeclaration(one)) {
          return { at, how: `gives ${name}() what may be any (${shorten(one)})` };
        }
      } else if (isTypeof ? mentions(one, where, holders) : isAddress(one, where, holders)) {
        if (!isTypeof && macros.usesMembers(name, index)) continue;
        return { at, how: isTypeof ? 'asks for the type of one' : `gives one to ${name}()` };
      }
    }
  }
  return byAssignment(code, stretches, holders);
}

const ASSIGNMENT = /(?<![=!<>+\-*/|&^%])=(?!=)\s*([^;,{}]*)/g;

/** A parameter that gets something else to point to, or something else that points to one. */
function byAssignment(
  code: string,
  stretches: readonly FunctionText[],
  holders: Holders,
): Found | undefined {
  for (const { index: at, 1: text = '' } of code.matchAll(ASSIGNMENT)) {
    const where = nameAt(stretches, at);
    const value = text.trim();
    const left = /(?:^|[^\w.>*\s])\s*([A-Za-z_]\w*)\s*$/.exec(
      code.slice(Math.max(0, at - 80), at),
    )?.[1];
    if (left !== undefined && holders.of(where, left) === 'pointer') {
      if (isOne(value, where, holders)) continue;
      return { at, how: `has ${left} point to what may be any (${shorten(value)})` };
    }
    if (isAddress(value, where, holders)) return { at, how: 'keeps the address of one' };
  }
  return undefined;
}

/** `&x`, `&x[1]`, a parameter, an array, NULL, or one that is written down. */
function isOne(text: string, where: string | undefined, holders: Holders): boolean {
  if (text === 'NULL' || text === '0') return true;
  // The type in it is looked at where it stands.
  if (/^&\s*\(\s*(struct\s|union\s)?\s*\w+\s*\)\s*\{/.test(text)) return true;
  const holder = IDENTIFIER.test(text) ? holders.of(where, text) : undefined;
  return holder === 'one' || isAddress(text, where, holders);
}

/** Of one by value or of its elements; or a pointer to one, as it is. Under any cast. */
function isAddress(text: string, where: string | undefined, holders: Holders): boolean {
  const inner = /^\(\s*([A-Za-z_][\w\s*]*)\)\s*(.*)$/s.exec(text);
  if (inner) return isAddress(inner[2] || inner[1]!.trim(), where, holders);
  if (IDENTIFIER.test(text)) return holders.of(where, text) === 'pointer';
  const name = /^&\s*([A-Za-z_]\w*)\s*(?:\[[^\]]*\])*$/.exec(text)?.[1];
  return name !== undefined && ['one', 'pointer'].includes(holders.of(where, name) ?? '');
}

function mentions(text: string, where: string | undefined, holders: Holders): boolean {
  const name = /^\*?\s*&?\s*([A-Za-z_]\w*)$/.exec(text)?.[1];
  return name !== undefined && ['one', 'pointer'].includes(holders.of(where, name) ?? '');
}

/** `const struct foo *x`, in a prototype or a definition. */
function isDeclaration(text: string): boolean {
  return /^[A-Za-z_][\w\s]*[\s*]+(?:[A-Za-z_]\w*)?(?:\[\w*\])*$/.test(text);
}

function nameAt(stretches: readonly FunctionText[], at: number): string | undefined {
  return stretches.find(({ start, end }) => at >= start && at < end)?.name;
}

/** Whether this is the name of the function itself, in its definition. */
function isHead(stretches: readonly FunctionText[], at: number): boolean {
  return stretches.some(({ start, body }) => at >= start && at < body);
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 40 ? `${line.slice(0, 37)}...` : line;
}
