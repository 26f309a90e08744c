import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { STT_FUNC } from '../../src/elf/constants.js';
import { ElfObject, type ElfSymbol } from '../../src/elf/object.js';
import type { SymbolResolver } from '../../src/extract/extraction.js';
import type { NamedAddress } from '../../src/extract/kernel-symbols.js';
import { createResolver } from '../../src/extract/resolver.js';
import type { ResolverInput } from '../../src/extract/resolver-input.js';
import { parseSymvers } from '../../src/extract/symvers.js';
import { compile } from '../support/compile.js';
import { run, withFiles } from '../support/files.js';

const fixture = (name: string) => path.join(import.meta.dirname, '../fixtures/extract', name);
const flags = ['-fno-toplevel-reorder'];
const objects = {
  'a.o': compile(fixture('twin_a.c'), flags),
  'b.o': compile(fixture('twin_b.c'), flags),
};
const pre = new Map(
  Object.entries(objects).map(([name, data]) => [name, new ElfObject(data, name)]),
);
const symbolOf = (label: string, name: string): ElfSymbol =>
  pre.get(label)!.symbols.find((symbol) => symbol.name === name)!;
const nowhere = { label: 'a.o', symbol: { ...symbolOf('a.o', 'helper'), name: 'nowhere' } };

const exports = parseSymvers(
  '0x12345678\texported\tvmlinux\tEXPORT_SYMBOL_GPL\tSOME_NS\n' +
    '0x9abcdef0\tentry_b\tdrivers/x/twin-module\tEXPORT_SYMBOL\t\n',
  'Module.symvers',
);

/** Both objects linked as a kernel is, a before b, and what nm says of the result. */
function linkKernel(order: readonly string[]): NamedAddress[] {
  return withFiles(objects, (folder) => {
    run(
      folder,
      ...(['ld', '-o', 'vmlinux', '-Ttext=0xffffffff81000000', '-e', '0'] as const),
      ...['--section-start=.init.text=0xffffffff82000000', '--defsym=exported=0xffffffff81008000'],
      // All of the data.
      ...['-Tdata=0xffffffff81400000', '--defsym=__start_ro_after_init=0xffffffff81500000'],
      ...['--defsym=__end_ro_after_init=0xffffffff81501000'],
      ...['--defsym=__init_begin=0xffffffff82000000', '--defsym=__init_end=0xffffffff82001000'],
      ...order,
    );
    return run(folder, 'nm', 'vmlinux')
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([address, type, name]) => ({
        name: name!,
        type: type!,
        address: BigInt(`0x${address}`),
      }));
  });
}

/** Both objects linked as a module is. */
function linkModule(order: readonly string[], more: Record<string, Buffer> = {}): ElfObject {
  return withFiles({ ...objects, ...more }, (folder) => {
    run(folder, 'ld', '-r', '-o', 'twin.ko', ...order);
    return new ElfObject(readFileSync(path.join(folder, 'twin.ko')), 'twin.ko');
  });
}

const resolver = (input: Partial<ResolverInput>) =>
  createResolver({
    target: 'vmlinux',
    exports,
    symbols: linkKernel(['a.o', 'b.o']),
    pre,
    ...input,
  });
const calls = (made: SymbolResolver) => ({
  own: made.own.bind(made),
  external: made.external.bind(made),
});
const klp = (object: string, name: string, position: number) => ({
  kind: 'klp',
  object,
  name,
  position,
});

describe('in vmlinux', () => {
  test('new code has what the core exports, and not what other modules do', () => {
    const offered = '0x12345678\toffered\tksplice\tEXPORT_SYMBOL_GPL\t\n';
    const symbol = (name: string) => ({ ...nowhere.symbol, name });
    const { external } = calls(
      resolver({ exports: new Map([...exports, ...parseSymvers(offered, 'Module.symvers')]) }),
    );
    expect(external('a.o', symbol('offered'))).toEqual({ kind: 'exported', namespace: '' });
    expect(resolver({}).external('a.o', symbol('offered'))).toMatchObject({ kind: 'unresolved' });
  });

  test.each([
    ['a.o', ['a.o', 'b.o'], 1],
    ['a.o', ['b.o', 'a.o'], 2],
    ['b.o', ['a.o', 'b.o'], 2],
    ['b.o', ['b.o', 'a.o'], 1],
  ])(
    'a static function of %s, linked in the order %s, has position %i',
    (label, order, position) => {
      const symbols = linkKernel(order);
      const { own } = calls(resolver({ symbols }));
      // The neighbours in the same section show which one it is.
      expect(own(label, symbolOf(label, 'helper'))).toEqual(klp('vmlinux', 'helper', position));
      expect(own(label, symbolOf(label, 'table'))).toEqual(klp('vmlinux', 'table', position));
    },
  );

  test('a variable alone in its section is ambiguous, until it is matched', () => {
    const symbols = linkKernel(['a.o', 'b.o']);
    const state = symbolOf('b.o', 'state');
    const before = resolver({ symbols }).own('b.o', state);
    expect(before).toMatchObject({ kind: 'unresolved', why: expect.stringContaining('2 symbols') });
    const places = symbols.filter(({ name }) => name === 'state').map(({ address }) => address);
    for (const address of places) {
      const position = places.filter((place) => place <= address).length;
      const matched = resolver({ symbols, runAddress: () => address });
      expect(matched.own('b.o', state)).toEqual(klp('vmlinux', 'state', position));
    }
    const wrong = resolver({ symbols, runAddress: () => 0xffffffff81234567n });
    expect(wrong.own('b.o', state)).toMatchObject({
      kind: 'unresolved',
      why: expect.stringContaining('0xffffffff81234567'),
    });
  });

  test('unique symbols have position 1, exported ones keep their name', () => {
    const { own, external } = calls(resolver({}));
    expect(own('a.o', symbolOf('a.o', 'unique_a'))).toEqual(klp('vmlinux', 'unique_a', 1));
    expect(external('a.o', symbolOf('a.o', 'exported'))).toEqual({
      kind: 'exported',
      namespace: 'SOME_NS',
    });
  });

  test('what only a module exports is not for the kernel proper', () => {
    expect(resolver({}).external('a.o', symbolOf('a.o', 'entry_b'))).toEqual(
      klp('vmlinux', 'entry_b', 1),
    );
  });

  test("another object's init code is refused; the differ watches over the own", () => {
    expect(resolver({}).external('b.o', symbolOf('a.o', 'setup'))).toMatchObject({
      kind: 'unresolved',
      why: expect.stringContaining('init code'),
    });
    expect(resolver({}).own('a.o', symbolOf('a.o', 'setup'))).toEqual(klp('vmlinux', 'setup', 1));
  });

  test('what is not there is refused, unless it is weak', () => {
    const { external } = calls(resolver({}));
    expect(external(nowhere.label, nowhere.symbol)).toMatchObject({ kind: 'unresolved' });
    expect(external(nowhere.label, { ...nowhere.symbol, binding: 2 })).toEqual({ kind: 'absent' });
  });

  test('symbols without the bounds of init code are refused', () => {
    expect(() => resolver({ symbols: [] })).toThrow(
      expect.objectContaining({ code: 'bad-confdir' }),
    );
  });

  test('a static local that was numbered differently is not taken for another', () => {
    const symbol = { ...symbolOf('a.o', 'table'), size: 99 };
    expect(resolver({}).own('a.o', symbol)).toMatchObject({ kind: 'unresolved' });
  });
});

describe('in a module', () => {
  const target = 'twin_module';

  test.each([
    ['a.o', ['a.o', 'b.o']],
    ['b.o', ['a.o', 'b.o']],
    ['b.o', ['b.o', 'a.o']],
  ])(
    'a static function of %s, linked in the order %s, has its place in the symbol table',
    (label, order) => {
      const module = linkModule(order);
      const position = order.indexOf(label) + 1;
      const { own } = calls(resolver({ target, module }));
      expect(own(label, symbolOf(label, 'helper'))).toEqual(klp(target, 'helper', position));
    },
  );

  test('its own exports are found like its other globals: it may be in the middle of being loaded', () => {
    const { external, own } = calls(resolver({ target, module: linkModule(['a.o', 'b.o']) }));
    expect(external('a.o', symbolOf('a.o', 'entry_b'))).toEqual(klp(target, 'entry_b', 1));
    const entry = { ...symbolOf('a.o', 'entry_a'), section: undefined, shndx: 0 };
    expect(external('b.o', entry)).toEqual(klp(target, 'entry_a', 1));
    expect(own('a.o', symbolOf('a.o', 'shared_global'))).toEqual(klp(target, 'shared_global', 1));
  });

  test('its init code is refused', () => {
    const { own } = calls(resolver({ target, module: linkModule(['a.o', 'b.o']) }));
    expect(own('a.o', symbolOf('a.o', 'setup'))).toMatchObject({
      why: expect.stringContaining('init code'),
    });
  });

  test('it is told which of a name are behind init code of that name', () => {
    const source =
      '__attribute__((section(".init.text"), used)) static int helper(void) { return 7; }';
    const init = withFiles({ 'init.c': Buffer.from(source) }, (folder) =>
      compile(path.join(folder, 'init.c'), flags),
    );
    const module = linkModule(['a.o', 'init.o', 'b.o'], { 'init.o': init });
    const { own } = calls(resolver({ target, module }));
    expect(own('a.o', symbolOf('a.o', 'helper'))).toEqual(klp(target, 'helper', 1));
    expect(own('b.o', symbolOf('b.o', 'helper'))).toEqual({
      ...klp(target, 'helper', 2),
      behindInit: true,
    });
  });

  test('a variable alone in its section is settled by matching', () => {
    const module = linkModule(['a.o', 'b.o']);
    const state = symbolOf('b.o', 'state');
    expect(resolver({ target, module }).own('b.o', state)).toMatchObject({ kind: 'unresolved' });
    // As the loader might place it: .bss at 0xffffffffc0100000.
    const place = (name: string, index: number) =>
      0xffffffffc0100000n +
      BigInt(module.symbols.filter((symbol) => symbol.name === name)[index]!.value);
    const runAddress = (label: string, name: string) => {
      if (name === 'only_in_a_bss') return place(name, 0);
      return name === 'state' ? place(name, label === 'a.o' ? 0 : 1) : undefined;
    };
    const matched = resolver({ target, module, runAddress });
    expect(matched.own('b.o', state)).toEqual(klp(target, 'state', 2));
  });

  test('without the module file, nothing is assumed', () => {
    const { own, external } = calls(resolver({ target }));
    const refusal = { kind: 'unresolved', why: expect.stringContaining('there is no') };
    expect(own('a.o', symbolOf('a.o', 'helper'))).toMatchObject(refusal);
    const thisModule = { ...nowhere.symbol, name: '__this_module', type: STT_FUNC };
    expect(external('a.o', thisModule)).toMatchObject(refusal);
  });
});

test('per-cpu variables that are linked among init data are none', () => {
  const at = (name: string, type: string, address: bigint) => ({ name, type, address });
  const symbols = [
    at('__init_begin', 'D', 0x9000n),
    at('__per_cpu_start', 'D', 0x9800n),
    at('state', 'd', 0x9810n),
    at('__per_cpu_end', 'D', 0x9900n),
    at('__init_end', 'D', 0xa000n),
  ];
  const found = (list: typeof symbols) =>
    resolver({ symbols: list }).own('a.o', symbolOf('a.o', 'state'));
  expect(found(symbols)).toMatchObject({ kind: 'klp', name: 'state' });
  const freed = { kind: 'unresolved', why: expect.stringContaining('freed after use') };
  for (const address of [0x97ffn, 0x9900n]) {
    const moved = symbols.map((one) => (one.name === 'state' ? { ...one, address } : one));
    expect(found(moved)).toMatchObject(freed);
  }
});

test('a line that is none of Module.symvers is refused with its number', () => {
  expect(() => parseSymvers('0x12345678\tx\tvmlinux\tEXPORT_SYMBOL\t\nnonsense\n', 'F')).toThrow(
    /F:2/,
  );
});

test.each([
  ['before per-cpu variables', 0x97ffn, 'unresolved'],
  ['the first of them', 0x9800n, 'klp'],
  ['the last of them', 0x98ffn, 'klp'],
  ['behind them', 0x9900n, 'unresolved'],
])('what lies among init data is freed, but for per-cpu variables: %s', (_, address, kind) => {
  const symbols = [
    { name: '__init_begin', type: 'D', address: 0x9000n },
    { name: '__per_cpu_start', type: 'D', address: 0x9800n },
    { name: '__per_cpu_end', type: 'D', address: 0x9900n },
    { name: '__init_end', type: 'D', address: 0xa000n },
    { name: 'state', type: 'd', address },
  ];
  const found = resolver({ symbols }).own('a.o', symbolOf('a.o', 'state'));
  expect(found).toMatchObject({ kind });
});

describe('what is read-only since init', () => {
  const at = (name: string, type: string, address: bigint) => ({ name, type, address });
  const bounds = [
    at('__init_begin', 'D', 0x9000n),
    at('__init_end', 'D', 0xa000n),
    at('__start_ro_after_init', 'D', 0x2000n),
    at('__end_ro_after_init', 'D', 0x3000n),
  ];
  const variable = (name: string): ElfSymbol => ({ ...symbolOf('a.o', 'state'), name });
  const undefinedOne = (name: string) => ({ ...variable(name), section: undefined, shndx: 0 });
  const symvers = parseSymvers(
    '0x12345678\tyes\tvmlinux\tEXPORT_SYMBOL\t\n' +
      '0x12345678\tno\tvmlinux\tEXPORT_SYMBOL\t\n' +
      '0x12345678\tfrom_module\tdrivers/key\tEXPORT_SYMBOL\t\n',
    'Module.symvers',
  );

  test.each([
    ['the first', 0x2000n, true],
    ['the last', 0x2fffn, true],
    ['before', 0x1fffn, undefined],
    ['behind', 0x3000n, undefined],
  ])('a symbol of the kernel proper: %s', (_, address, sealed) => {
    const symbols = [...bounds, at('state', 'd', address)];
    const found = resolver({ symbols }).own('a.o', symbolOf('a.o', 'state'));
    expect(found).toMatchObject({ kind: 'klp', name: 'state' });
    expect(found).toHaveProperty('sealed', sealed);
  });

  test('an exported one, where a static one of the name is elsewhere', () => {
    const symbols = [
      ...bounds,
      at('yes', 'D', 0x2010n),
      at('yes', 'd', 0x5000n),
      at('no', 'D', 0x5010n),
    ];
    const { external } = calls(resolver({ symbols, exports: symvers }));
    expect(external('a.o', undefinedOne('yes'))).toHaveProperty('sealed', true);
    expect(external('a.o', undefinedOne('no'))).toHaveProperty('sealed', undefined);
  });

  test('nothing tells without the bounds, or without the symbol', () => {
    const symbols = [...bounds.slice(0, 2), at('yes', 'D', 0x2010n)];
    const { external } = calls(resolver({ symbols, exports: symvers }));
    expect(external('a.o', undefinedOne('yes'))).toHaveProperty('sealed', 'unknown');
    const other = calls(resolver({ symbols: bounds, exports: symvers }));
    expect(other.external('a.o', undefinedOne('no'))).toHaveProperty('sealed', 'unknown');
  });

  const keyModule = (section: string) => {
    const source = `.section ${section}, "aw"\n.globl from_module\n.type from_module, @object\nfrom_module: .quad 0\n.size from_module, 8\n`;
    return withFiles({ 'key.S': Buffer.from(source) }, (folder) => {
      run(folder, 'gcc', '-c', '-o', 'key.o', 'key.S');
      return new ElfObject(readFileSync(path.join(folder, 'key.o')), 'key.ko');
    });
  };

  test.each([
    ['.data..ro_after_init', true],
    ['.data', undefined],
  ])('a symbol of a module in %s', (section, sealed) => {
    const module = keyModule(section);
    const own = resolver({ target: 'key', module, exports: symvers });
    expect(own.external('a.o', undefinedOne('from_module'))).toMatchObject({ kind: 'klp' });
    expect(own.external('a.o', undefinedOne('from_module'))).toHaveProperty('sealed', sealed);
    // The same, exported to another one.
    const input = { target: 'other', module: linkModule(['a.o']), exports: symvers };
    const exporters = new Map([['key', module]]);
    const other = resolver({ ...input, exporters });
    expect(other.external('a.o', undefinedOne('from_module'))).toHaveProperty('sealed', sealed);
    const without = resolver(input).external('a.o', undefinedOne('from_module'));
    expect(without).toMatchObject({ kind: 'exported', sealed: 'unknown' });
  });
});
