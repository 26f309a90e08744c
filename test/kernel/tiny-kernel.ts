// A kernel small enough to be made in a test: real code, linked where x86-64
// kernels are, exported symbols, and the kallsyms tables as
// scripts/kallsyms.c writes them, in either order of tables. Wrapped as a
// bzImage it is what vmlinuz is.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

export interface TinyKernelOptions {
  /**
   * Offsets before the names (6.1), or after the tokens (since 6.4). No kernel has the others: names
   * after the tokens; something between tokens and offsets; tokens without an index.
   */
  readonly order?: 'offsets-first' | 'offsets-last' | 'names-last' | 'with-a-gap' | 'no-index';
  /**
   * With absolute per-cpu symbols (CONFIG_KALLSYMS_ABSOLUTE_PERCPU), all relative, or each
   * relative to its own place, without a base.
   */
  readonly encoding?: 'absolute-percpu' | 'relative' | 'own-place';
  /** What tables start at a multiple of: 8, or 4. */
  readonly alignment?: 8 | 4;
  /** Exports in two tables, or in one with another of flags. */
  readonly exports?: 'by-licence' | 'with-flags';
  readonly release?: string;
  readonly compression?: 'gzip' | 'xz';
}

export const TEXT = 0xffffffff81000000n;
/** Functions are called fn_0000, fn_0001, … and are this many bytes apart. */
export const FUNCTION_SIZE = 16n;
export const FUNCTIONS = 1200;
/** Of all functions with this index or its multiples, export some. */
const EXPORTED = 100;

export const functionName = (index: number): string => `fn_${String(index).padStart(4, '0')}`;

/** A vmlinuz. */
export function tinyKernel(options: TinyKernelOptions = {}): Buffer {
  return bzImage(tinyVmlinux(options), options);
}

/** The ELF executable. */
export function tinyVmlinux(options: TinyKernelOptions = {}): Buffer {
  const directory = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  try {
    const file = (name: string) => path.join(directory, name);
    writeFileSync(file('k.S'), assembly(options));
    execFileSync('gcc', ['-c', '-o', file('k.o'), file('k.S')], { stdio: 'pipe' });
    const place = `-Ttext=0x${TEXT.toString(16)}`;
    const args = [place, '-e', '_text', '-z', 'noexecstack', '-o', file('k'), file('k.o')];
    execFileSync('ld', args, { stdio: 'pipe' });
    execFileSync('objcopy', ['-S', file('k')], { stdio: 'pipe' });
    return readFileSync(file('k'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Boot sector and setup header (Documentation/x86/boot.rst) around a compressed kernel. */
export function bzImage(vmlinux: Buffer, options: TinyKernelOptions = {}): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(vmlinux.length);
  const payload =
    options.compression === 'xz'
      ? Buffer.concat([
          execFileSync('xz', ['--check=crc32', '-c'], { input: vmlinux, maxBuffer: 1 << 28 }),
          size,
        ])
      : gzipSync(vmlinux);
  const setup = Buffer.alloc(3 * 512);
  setup[0x1f1] = 2;
  setup.write('HdrS', 0x202, 'latin1');
  setup.writeUInt16LE(0x20f, 0x206);
  setup.writeUInt16LE(0x300 - 0x200, 0x20e);
  setup.write(`${options.release ?? '6.1.0-tiny'} (me@here) #1 SMP Debian 6.1.7-1 (2026)\0`, 0x300);
  const decompressor = Buffer.alloc(64, 0x90);
  setup.writeUInt32LE(decompressor.length, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([setup, decompressor, payload]);
}

/** As in .rodata; in .text the assembler would fill with no-ops. */
const zeros = ({ alignment = 8 }: TinyKernelOptions) => `.balign ${alignment}, 0`;

interface Line {
  readonly type: string;
  readonly name: string;
  /** Of an absolute symbol. */
  readonly value?: number;
  /** In the assembly, of the others. */
  readonly label?: string;
}

/** As kallsyms sorts them: by address. */
function symbolLines(
  encoding: TinyKernelOptions['encoding'],
  exports: TinyKernelOptions['exports'],
): Line[] {
  const lines: Line[] = [];
  if (encoding === 'absolute-percpu') {
    lines.push({ type: 'A', name: 'fixed_percpu_data', value: 0 });
    lines.push({ type: 'A', name: '__per_cpu_end', value: 0x2000 });
  }
  lines.push({ type: 'T', name: '_text', label: '_text' });
  for (let index = 0; index < FUNCTIONS; index++) {
    lines.push({ type: index % 2 ? 't' : 'T', name: functionName(index), label: `.Lfn_${index}` });
  }
  // A local name that two functions have.
  lines.push({ type: 't', name: 'twin', label: '.Ltwin_0' });
  lines.push({ type: 't', name: 'twin', label: '.Ltwin_1' });
  lines.push({ type: 'T', name: '_etext', label: '.L_etext' });
  for (const name of [
    'start___ksymtab',
    'stop___ksymtab',
    ...(exports === 'with-flags'
      ? ['start___kflagstab', 'stop___kflagstab']
      : ['start___ksymtab_gpl', 'stop___ksymtab_gpl']),
  ]) {
    lines.push({ type: 'R', name: `__${name}`, label: `.L__${name}` });
  }
  return lines;
}

function assembly(options: TinyKernelOptions): string {
  const { order = 'offsets-first', encoding = 'absolute-percpu', exports = 'by-licence' } = options;
  const symbols = symbolLines(encoding, exports);
  const boundary = zeros(options);
  const names = namesTables(symbols, boundary);
  const offsets = [
    boundary,
    ...symbols.map((symbol) => `.long ${offsetOf(symbol, encoding)}`),
    boundary,
    ...(encoding === 'own-place' ? [] : ['.quad _text']),
  ];
  const seqs = [
    boundary,
    ...symbols.flatMap((_, index) => `.byte 0, ${index >> 8}, ${index & 255}`),
  ];
  const [tokens, index] = tokenTables(boundary);
  const tables = {
    'offsets-first': [offsets, names, seqs, tokens, index],
    'offsets-last': [names, tokens, index, offsets, seqs],
    'names-last': [tokens, index, offsets, names, seqs],
    'with-a-gap': [names, tokens, index, ['.zero 4096'], offsets, seqs],
    'no-index': [names, tokens, offsets, seqs],
  }[order].flat();
  return [...code(), ...exportTables(exports), ...tables, ''].join('\n');
}

function code(): string[] {
  const lines = ['.text', '.globl _text', '_text:'];
  for (let index = 0; index < FUNCTIONS; index++) {
    lines.push(`.balign ${FUNCTION_SIZE}`, `.Lfn_${index}:`, `mov $${index}, %eax`, 'ret');
  }
  lines.push('.Ltwin_0: ret', '.Ltwin_1: ret', '.L_etext:', '.balign 16');
  return lines;
}

function exportTables(exports: TinyKernelOptions['exports']): string[] {
  const flags = exports === 'with-flags';
  const lines: string[] = ['.L__start___ksymtab:'];
  for (let index = 0; index < FUNCTIONS; index += EXPORTED) {
    lines.push(`.long .Lfn_${index} - ., .Lname_${index} - ., 0`);
  }
  const first = '.L__stop___ksymtab:';
  const another = `.long .Lfn_1 - ., .Lname_1 - ., 0`;
  if (flags)
    lines.push(another, first, '.L__start___kflagstab:', '.byte 0', '.L__stop___kflagstab:');
  else lines.push(first, '.L__start___ksymtab_gpl:', another, '.L__stop___ksymtab_gpl:');
  for (const index of [
    1,
    ...Array.from({ length: FUNCTIONS / EXPORTED }, (_, n) => n * EXPORTED),
  ]) {
    lines.push(`.Lname_${index}: .asciz "${functionName(index)}"`);
  }
  return lines;
}

function offsetOf({ value, label }: Line, encoding: TinyKernelOptions['encoding']): string {
  if (value !== undefined) return String(value);
  if (encoding === 'own-place') return `${label} - .`;
  return encoding === 'relative' ? `${label} - _text` : `_text - ${label} - 1`;
}

/** num_syms, names, markers. */
function namesTables(symbols: readonly Line[], boundary: string): string[] {
  const lines = [boundary, `.long ${symbols.length}`, boundary];
  const markers: number[] = [];
  let offset = 0;
  symbols.forEach(({ type, name }, index) => {
    if (index % 256 === 0) markers.push(offset);
    const bytes = compress(type + name);
    lines.push(`.byte ${[bytes.length, ...bytes].join(', ')}`);
    offset += bytes.length + 1;
  });
  lines.push(boundary, ...markers.map((marker) => `.long ${marker}`));
  return lines;
}

/** The token that stands for two letters at once, to have one of that kind. */
const FN = 0x01;

function compress(text: string): number[] {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; ) {
    if (text.startsWith('fn', at)) {
      bytes.push(FN);
      at += 2;
    } else {
      bytes.push(text.charCodeAt(at++));
    }
  }
  return bytes;
}

/** The tokens, and where each is. */
function tokenTables(boundary: string): [tokens: string[], index: string[]] {
  const tokens = Array.from({ length: 256 }, (_, code) => {
    if (code === FN) return 'fn';
    const letter = String.fromCharCode(code);
    return /[A-Za-z0-9_]/.test(letter) ? letter : '';
  });
  let offset = 0;
  const index = tokens.map((token) => {
    const at = offset;
    offset += token.length + 1;
    return at;
  });
  return [
    [boundary, ...tokens.map((token) => `.asciz "${token}"`)],
    [boundary, ...index.map((at) => `.short ${at}`)],
  ];
}
