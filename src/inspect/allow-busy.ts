// Which functions of an update may be busy when it is switched. Tasks that are in
// one finish the old code, all of which must then be as it was. Only its first
// bytes become a jump; so nothing in the old code may lead back there.

import type { Problem } from '../base/errors.js';
import type { Program, Span } from '../program/types.js';
import { decodeLines } from './decoder.js';
import { mechanismOfSite } from './mechanisms.js';
import { isFunction, OldCode } from './old-code.js';

/** e9 and a displacement. */
const JUMP_SIZE = 5;
const ENDBR64 = Buffer.from([0xf3, 0x0f, 0x1e, 0xfa]);

/** Whether the compiler made `name` of a function that the source calls `word`. */
export function isCalled(name: string, word: string): boolean {
  return name === word || name.startsWith(`${word}.`);
}

/**
 * Why functions may not be busy.
 * @param programs of all targets of the update
 * @param names as the source has them: "foo" stands for "foo.isra.0" and "foo.cold", too
 */
export function busyProblems(programs: readonly Program[], names: readonly string[]): Problem[] {
  return names.flatMap((name) => {
    const found = programs.flatMap((program) => {
      const spans = program.spans.filter(
        (span) => span.replaced && isFunction(span, program) && isCalled(span.name, name),
      );
      return spans.map((span) => ({ program, span, spans }));
    });
    if (found.length === 0) {
      const others = programs.flatMap((program) => replacedNames(program));
      return [
        {
          code: 'usage' as const,
          message: `the update does not replace ${name}, which it was to allow to be busy`,
          advice: `It replaces ${others.join(', ')}.`,
        },
      ];
    }
    return found.flatMap(({ program, span, spans }) => wayBack(program, span, spans));
  });
}

function replacedNames(program: Program): string[] {
  return program.spans
    .filter((span) => span.replaced && isFunction(span, program))
    .map(({ name }) => name);
}

function wayBack(program: Program, span: Span, spans: readonly Span[]): Problem[] {
  const start = jumpSite(program, span);
  // A jump to the very first byte is as good as a call.
  const isWritten = (offset: number) =>
    offset >= Math.max(start, 1) && offset < start + JUMP_SIZE && offset < span.bytes.length;
  const code = new OldCode(program, () => undefined);
  const branches = spans
    .filter(({ label }) => label === span.label)
    .flatMap((part) => decodeLines(code.code(part)).map((line) => ({ part, ...line })))
    .filter(({ leadsTo }) => leadsTo?.isCode && leadsTo.name === span.name)
    .filter(({ leadsTo }) => isWritten(leadsTo!.offset))
    .map(({ part, offset }) => `${part.name}+0x${offset.toString(16)}`);
  const tables = program.spans
    .filter((data) => !isFunction(data, program))
    .filter(({ items }) =>
      items.some(
        (item) =>
          item.kind === 'reloc' &&
          item.field.key === span.key &&
          isWritten(item.field.addend - span.offset),
      ),
    )
    .map(({ name }) => name || 'a table of jumps');
  const [first] = [...branches, ...tables];
  if (first === undefined) return [];
  return [
    {
      code: 'refused-change',
      message: `${span.name} cannot be replaced while it is busy: ${first} leads back to where the jump to the new code is written`,
      advice: 'Leave it out of --allow-busy; what calls it may be replaced in its place.',
    },
  ];
}

/** Where kmodsrc/site.c writes the jump, in bytes from the function's start. */
function jumpSite(program: Program, { bytes, items }: Span): number {
  const traced = items.find(
    (item) =>
      item.kind === 'site' && item.offset <= 4 && mechanismOfSite(item, program) === 'ftrace',
  );
  if (traced) return traced.offset + traced.length;
  return ENDBR64.equals(bytes.subarray(0, ENDBR64.length)) ? ENDBR64.length : 0;
}
