// Which functions of an update may be busy when it is switched. Tasks that are in
// such a function finish the old code, so all of the old code must be unchanged.
// Only its first bytes become a jump; so nothing in the old code may lead back
// there.

import { machine } from '../arch/index.js';
import type { Problem } from '../base/errors.js';
import type { Program, Span } from '../program/program.js';
import { decodeLines } from './decoder.js';
import { isFunction, OldCode } from './old-code.js';

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
          message: `--allow-busy names ${name}, and the update does not replace that function`,
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
    offset >= Math.max(start, 1) &&
    offset < start + machine.jump.size &&
    offset < span.bytes.length;
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
      message: `${span.name} cannot be replaced while it is busy: ${first} leads back to the place of the jump to the new code`,
      advice: 'Leave it out of --allow-busy. Perhaps its callers can be replaced instead.',
    },
  ];
}

/** Where kmodsrc/site.c writes the jump, in bytes from the function's start. */
function jumpSite(program: Program, { bytes, items }: Span): number {
  const traced = items.find(
    (item) =>
      item.kind === 'site' &&
      item.offset <= 4 &&
      machine.sites.mechanismOf(item, program) === 'ftrace',
  );
  if (traced) return traced.offset + traced.length;
  return machine.jump.markLength(bytes);
}
