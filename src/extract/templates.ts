// Fills in the C sources and the Kbuild file of an update's modules.
//
// A template has placeholders in the form @NAME@. Everything that comes from
// outside (symbol names, an update's id, a module's name) is either checked to
// be a plain word or written as a C string literal, so no name can become code.

import { KspliceError } from '../base/errors.js';
import { SEALED_SECTION } from '../update/new-code.js';
import type { NewCode } from './extraction.js';

/** A target of an update that another one was made on top of: see struct ksplice_base. */
export interface Base {
  readonly id: string;
  readonly target: string;
  readonly cookie: bigint;
}

/** What the modules of one target have in common. */
export interface TargetModules {
  /** The update's id. */
  readonly id: string;
  /** "vmlinux" or a module's name. */
  readonly target: string;
  /** The same in the match program and the new code. */
  readonly cookie: bigint;
  /** How many targets the whole update has. */
  readonly targetCount: number;
  /** Others may have addresses of the new code when the update is undone. */
  readonly keep?: boolean;
  /** All targets of all updates that this one is on, the oldest first. */
  readonly bases: readonly Base[];
}

/** The names of one target's files in the directory that kbuild works in, without extension. */
export interface TargetFiles {
  readonly target: string;
  /** Names of the finished modules, without `.ko`. */
  readonly newModule: string;
  readonly oldModule: string;
}

/** Names of the sources, from which renderKbuild builds the modules. */
export function sourceNames(target: string) {
  const word = checkedWord(target);
  return {
    /** Rendered from templates/new_code_mod.c. */
    newSource: `new_${word}.c`,
    /** NewCode.object; kbuild copies it to `code_TARGET.o`. */
    newObject: `code_${word}.o_shipped`,
    /** Without it, modpost stops. */
    newObjectCommand: `.code_${word}.o.cmd`,
    /** Rendered from templates/old_code_mod.c. */
    oldSource: `old_${word}.c`,
    /** The encoded match program. */
    program: `program_${word}.bin`,
  };
}

/**
 * Fills in a template.
 * @param values by placeholder, without the @; every placeholder must have
 *   one, and every one must be used
 */
export function renderTemplate(template: string, values: Readonly<Record<string, string>>): string {
  const used = new Set<string>();
  const text = template.replace(/@([A-Z][A-Z_]*)@/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the template asks for ${name}`);
    used.add(name);
    return value;
  });
  const unused = Object.keys(values).filter((name) => !used.has(name));
  if (unused.length > 0) throw new Error(`the template does not use ${unused.join(', ')}`);
  return text;
}

/** The source of the new-code module, from templates/new_code_mod.c. */
export function renderNewCode(template: string, modules: TargetModules, code: NewCode): string {
  const symbols = new Set<string>();
  for (const { symbol } of [...code.changes, ...code.refs, ...code.hooks])
    if (symbol) symbols.add(symbol);
  if (code.constants) symbols.add(code.constants.symbol);
  const declarations = [...symbols].map((name) => `extern const char ${checkedWord(name)}[];`);
  const changes = code.changes.map(
    ({ span, symbol, name, isData }) =>
      `\t{ .span = ${span}${isData ? ', .flags = KSPLICE_CHANGE_DATA' : ''}` +
      `${symbol ? `, .new_addr = (void *)${symbol}` : ''} },\t/* ${comment(name)} */`,
  );
  const refs = code.refs.map((ref) => {
    const flags = [
      ...(ref.pcrel ? ['KSPLICE_FIELD_PCREL'] : []),
      ...(ref.signed ? ['KSPLICE_FIELD_SIGNED'] : []),
    ];
    return (
      `\t{ .place = ${ref.symbol} + ${ref.offset}, .addend = ${ref.addend}, .key = ${ref.key},\n` +
      `\t  .width = ${ref.width}, .flags = ${flags.join(' | ') || 0} },`
    );
  });
  return renderTemplate(template, {
    ...names(modules),
    COOKIE: cookieNumber(modules.cookie),
    N_TARGETS: String(modules.targetCount),
    DECLARATIONS: declarations.join('\n'),
    CHANGES: changes.join('\n'),
    REFS: refs.join('\n'),
    HOOKS: code.hooks
      .map(
        ({ kind, symbol }) =>
          `\t{ .kind = KSPLICE_HOOK_${kind.toUpperCase()}, .fn = (void *)${symbol} },`,
      )
      .join('\n'),
    BASES: baseLines(modules.bases),
    ...sealedArray(code.sealed.count),
    CONSTANTS_FIELDS: constantsFields(code.constants),
    KEEP: modules.keep ? '1' : '0',
    NAMESPACES: code.namespaces.map((name) => `MODULE_IMPORT_NS(${checkedWord(name)});`).join('\n'),
  });
}

/** The source of the old-code module, from templates/old_code_mod.c. */
export function renderOldCode(template: string, modules: TargetModules): string {
  return renderTemplate(template, {
    ...names(modules),
    BASES: baseLines(modules.bases),
    PROGRAM_FILE: sourceNames(modules.target).program,
  });
}

/** Room for what takeOutSealed() puts there. */
function sealedArray(count: number) {
  if (count === 0) return { SEALED: '', SEALED_FIELDS: '' };
  return {
    SEALED: `static const struct jump_entry sealed[${count}] __section("${SEALED_SECTION}");\n`,
    SEALED_FIELDS: '\t.sealed = sealed,\n\t.n_sealed = ARRAY_SIZE(sealed),',
  };
}

function constantsFields(constants: NewCode['constants']): string {
  if (!constants) return '';
  const { symbol, count } = constants;
  return `\t.constants = (const struct ksplice_constant *)${checkedWord(symbol)},\n\t.n_constants = ${count},`;
}

function baseLines(bases: readonly Base[]): string {
  const lines = bases.map(
    ({ id, target, cookie }) =>
      `\t{ .id = ${cString(id)}, .target = ${cString(target)}, .cookie = ${cookieNumber(cookie)} },`,
  );
  return lines.join('\n');
}

function cookieNumber(cookie: bigint): string {
  return `0x${cookie.toString(16)}ULL`;
}

/**
 * The Kbuild file for all modules of an update, from templates/Kbuild.
 * @param include the directory that has ksplice.h, as make should see it
 */
export function renderKbuild(
  template: string,
  id: string,
  include: string,
  targets: readonly TargetFiles[],
): string {
  const modules = targets.flatMap(({ target, newModule, oldModule }) => {
    const files = sourceNames(target);
    const object = (file: string) => file.replace(/\.(c|o_shipped)$/, '.o');
    return [
      `obj-m += ${checkedWord(newModule)}.o ${checkedWord(oldModule)}.o`,
      `${newModule}-y := ${object(files.newSource)} ${object(files.newObject)}`,
      `${oldModule}-y := ${object(files.oldSource)}`,
      // The program is read by the assembler, behind make's back.
      `$(obj)/${object(files.oldSource)}: $(src)/${files.program}`,
      // kbuild's own rule for *_shipped is not found by newer makefiles, where $(obj) is ".".
      `$(obj)/${object(files.newObject)}: $(src)/${files.newObject}\n\t@cat $< > $@`,
    ];
  });
  return renderTemplate(template, {
    ID: checkedWord(id),
    KSPLICE_INCLUDE: checkedPath(include),
    MODULES: modules.join('\n'),
  });
}

/**
 * The contents of `.code_TARGET.o.cmd`, which kbuild would have written had it
 * compiled the object: modpost reads the sources' names from it.
 * @param directory the absolute path in which kbuild works
 */
export function shippedObjectCommand(directory: string, target: string): string {
  const shipped = `${checkedPath(directory)}/${sourceNames(target).newObject}`;
  const object = shipped.replace(/_shipped$/, '');
  return `cmd_${object} := cat ${shipped} > ${object}\n\nsource_${object} := ${shipped}\n\ndeps_${object} := \n`;
}

function names({ id, target }: TargetModules) {
  return {
    ID: checkedWord(id),
    TARGET: checkedWord(target),
    ID_STRING: cString(id),
    TARGET_STRING: cString(target),
  };
}

/** A C string literal. */
export function cString(text: string): string {
  const escaped = [...Buffer.from(text, 'utf8')].map((byte) => {
    const char = String.fromCharCode(byte);
    if (char === '"' || char === '\\') return `\\${char}`;
    // Three octal digits end where they end; a hexadecimal escape would not. No trigraphs.
    return byte < 0x20 || byte > 0x7e || char === '?'
      ? `\\${byte.toString(8).padStart(3, '0')}`
      : char;
  });
  return `"${escaped.join('')}"`;
}

/** Text that cannot end the comment that it stands in. */
function comment(text: string): string {
  return text.replace(/[^\w.$ -]/g, '?');
}

/** A name that is part of an identifier or a file name as it is. */
function checkedWord(text: string): string {
  if (/^\w{1,128}$/.test(text)) return text;
  throw new KspliceError('unsupported-object', `${JSON.stringify(text)} cannot be part of a name`, {
    advice: 'Only letters, digits and underscores can be used in module names and ids.',
  });
}

/** A path that make and the shell take as one word. */
function checkedPath(text: string): string {
  if (/^[\w./+,@%=~-]+$/.test(text)) return text;
  throw new KspliceError('usage', `kbuild cannot work below ${JSON.stringify(text)}`, {
    advice: 'Use a directory whose path has no spaces and no special characters.',
  });
}
