import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { NewCode } from '../../src/extract/extraction.js';
import * as templates from '../../src/extract/templates.js';
import { run, withFiles } from '../support/files.js';

const template = (name: string) =>
  readFileSync(path.join(import.meta.dirname, '../../templates', name), 'utf8');
const modules = {
  id: 'abc123',
  target: 'nf_nat',
  cookie: 0xfedcba9876543210n,
  targetCount: 2,
  bases: [{ id: 'lower1', target: 'nf_nat', cookie: 0x12n }],
};
const code: NewCode = {
  object: Buffer.alloc(0),
  exported: [],
  bindings: [],
  changes: [
    { label: 'a.o', name: 'f.part.0', span: 7, symbol: 'ksplice_new_0', isData: false },
    { label: 'a.o', name: '*/ f.cold', span: 8, symbol: '', isData: false },
    { label: 'a.o', name: 'ops', span: 9, symbol: 'ksplice_new_1', isData: true },
  ],
  hooks: [{ kind: 'check_apply', symbol: 'ksplice_hook_0' }],
  refs: [
    {
      symbol: 'ksplice_place_0',
      offset: 5,
      width: 4,
      pcrel: true,
      signed: true,
      addend: -4,
      key: 3,
    },
    {
      symbol: 'ksplice_place_0',
      offset: 9,
      width: 8,
      pcrel: false,
      signed: false,
      addend: 0,
      key: 4,
    },
  ],
  sealed: { keys: [], count: 0 },
  namespaces: ['CRYPTO_INTERNAL'],
};

/** Kernel headers in miniature: enough to compile what the templates say. */
const headers = {
  'linux/kernel.h':
    '#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))\n' +
    'struct jump_entry { int code, target; long key; };\n' +
    '#define __section(x) __attribute__((section(x)))\n',
  'linux/types.h':
    'typedef unsigned u32, __u32; typedef unsigned long long __u64; typedef long long __s64;' +
    'typedef unsigned char __u8; typedef unsigned short __u16; typedef unsigned long size_t;\n',
  'linux/module.h':
    'struct module;\nextern struct module __this_module;\n#define THIS_MODULE (&__this_module)\n' +
    '#define __init\n#define __exit\n#define module_init(f) int init_module(void) { return f(); }\n' +
    '#define module_exit(f) void cleanup_module(void) { f(); }\n#define KBUILD_MODNAME "x"\n' +
    '#define MODULE_LICENSE(x) extern const char license[sizeof(x)]\n' +
    '#define MODULE_DESCRIPTION(x) extern const char description[sizeof(x)]\n' +
    '#define MODULE_IMPORT_NS(x) extern const char import_##x[]\n',
  'linux/list.h': '#include <linux/types.h>\n',
};

/** Compiles a rendered source with all warnings; returns what nm says of it. */
function compileSource(source: string, files: Record<string, Buffer> = {}): string {
  const kmodsrc = path.join(import.meta.dirname, '../../kmodsrc');
  return withFiles({ 'source.c': Buffer.from(source), ...files }, (folder) => {
    execFileSync('mkdir', ['-p', path.join(folder, 'linux')]);
    for (const [name, text] of Object.entries(headers)) {
      execFileSync('tee', [path.join(folder, name)], {
        input: text,
        stdio: ['pipe', 'ignore', 'inherit'],
      });
    }
    const flags = ['-Wall', '-Wextra', '-Werror', '-fno-pie', '-mcmodel=kernel', '-ffreestanding'];
    run(folder, 'gcc', ...flags, '-I.', `-I${kmodsrc}`, '-Wa,-I.', '-c', 'source.c');
    return run(folder, 'nm', 'source.o') + run(folder, 'readelf', '-WS', 'source.o');
  });
}

describe('the new-code module', () => {
  const source = templates.renderNewCode(template('new_code_mod.c'), modules, code);

  test('compiles without a warning and refers to the new code', () => {
    const symbols = compileSource(source);
    expect(symbols).toMatch(/ U ksplice_new_0$/m);
    expect(symbols).toMatch(/ U ksplice_place_0$/m);
    expect(symbols).toMatch(/ U ksplice_register_new_code$/m);
  });

  test('says what belongs to it', () => {
    expect(source).toContain('.id = "abc123"');
    expect(source).toContain('.target = "nf_nat"');
    expect(source).toContain('.cookie = 0xfedcba9876543210ULL');
    expect(source).toContain('.n_targets = 2');
    expect(source).toContain('MODULE_IMPORT_NS(CRYPTO_INTERNAL);');
    expect(source).toMatch(/\.span = 7, \.new_addr = \(void \*\)ksplice_new_0/);
    expect(source).toContain(
      '{ .span = 9, .flags = KSPLICE_CHANGE_DATA, .new_addr = (void *)ksplice_new_1 }',
    );
    // A cold part has no new code; its name cannot end the comment.
    expect(source).toMatch(/\{ \.span = 8 \},\t\/\* \?\? f\.cold \*\//);
    expect(source).toContain('KSPLICE_FIELD_PCREL | KSPLICE_FIELD_SIGNED');
    expect(source).not.toContain('@');
  });

  test('compiles without refs and namespaces as well', () => {
    const bare = { ...code, refs: [], hooks: [], namespaces: [] };
    compileSource(templates.renderNewCode(template('new_code_mod.c'), modules, bare));
  });

  test('has room for the branches of sealed keys', () => {
    const more = { ...code, sealed: { keys: ['key'], count: 3 } };
    const made = templates.renderNewCode(template('new_code_mod.c'), modules, more);
    expect(made).toContain('.n_sealed = ARRAY_SIZE(sealed),');
    expect(compileSource(made)).toMatch(/ \.ksplice\.sealed +PROGBITS +\w+ +\w+ 000030 00 +A /);
    expect(source).not.toContain('sealed');
  });
});

test('the old-code module holds the program in its section', () => {
  const source = templates.renderOldCode(template('old_code_mod.c'), modules);
  const { program } = templates.sourceNames('nf_nat');
  const listing = compileSource(source, { [program]: Buffer.alloc(1234) });
  expect(listing).toMatch(/ U ksplice_register_old_code$/m);
  expect(listing).toMatch(/ \.ksplice\.program +PROGBITS +\w+ +\w+ 0004d2 00 +A +0 +0 +8/);
});

test('the Kbuild file names every module and its objects', () => {
  const files = [
    { target: 'vmlinux', newModule: 'ksplice_abc123_vmlinux_new', oldModule: 'k_old' },
    { target: 'nf_nat', newModule: 'k2_new', oldModule: 'k2_old' },
  ];
  const kbuild = templates.renderKbuild(template('Kbuild'), 'abc123', '/work/include', files);
  expect(kbuild).toContain('obj-m += ksplice_abc123_vmlinux_new.o k_old.o');
  expect(kbuild).toContain('ksplice_abc123_vmlinux_new-y := new_vmlinux.o code_vmlinux.o');
  expect(kbuild).toContain('k2_old-y := old_nf_nat.o');
  expect(kbuild).toContain('-I/work/include ');
});

describe('names from outside', () => {
  test.each(['a"; evil(); "', 'x-y', '$(shell id)', '', 'a b'])(
    '%j is no module name',
    (target) => {
      expect(() => templates.sourceNames(target)).toThrow(
        expect.objectContaining({ code: 'unsupported-object' }),
      );
    },
  );

  test.each(['/tmp/a b', '/tmp/$(id)', "/tmp/'", '/tmp/a:b'])('%j is no path for make', (path) => {
    expect(() => templates.shippedObjectCommand(path, 'sctp')).toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
  });

  test('string literals mean what they say to the compiler', () => {
    const text = 'quote " backslash \\ newline \n ??/ é 1\u00012';
    const source = `#include <stdio.h>\nint main(void) { fputs(${templates.cString(text)}, stdout); }\n`;
    const said = withFiles({ 'a.c': Buffer.from(source) }, (folder) => {
      run(folder, 'gcc', '-trigraphs', '-o', 'a.out', 'a.c');
      return run(folder, './a.out');
    });
    expect(said).toBe(text);
  });
});

describe('a template and its values must fit', () => {
  test('a placeholder without a value', () => {
    expect(() => templates.renderTemplate('@A@ @B@', { A: '1' })).toThrow('asks for B');
  });
  test('a value without a placeholder', () => {
    expect(() => templates.renderTemplate('@A@', { A: '1', B: '2' })).toThrow('does not use B');
  });
  test('a value is not looked into', () => {
    expect(templates.renderTemplate('@A@ x@y.z', { A: '@B@ $&' })).toBe('@B@ $& x@y.z');
  });
});
