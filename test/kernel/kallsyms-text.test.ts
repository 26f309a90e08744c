import { describe, expect, test } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { formatSystemMap, isPlaceholder, parseKallsyms } from '../../src/kernel/kallsyms-text.js';

const TEXT = [
  '0000000000000000 A fixed_percpu_data',
  'ffffffff81000000 T _text',
  'ffffffff81000010 t twin',
  'ffffffff81000020 t twin',
  'ffffffffc0001000 t twin\t[sctp]',
  'ffffffffc0001040 T sctp_rcv\t[sctp]',
  'ffffffffc0101000 t bpf_prog_6deef7357e7b4530_sd_devices\t[bpf]',
  '',
].join('\n');

const parse = (text: string) => parseKallsyms(text, 'kallsyms', 'bad-image');

describe('kallsyms as text', () => {
  test('tells the addresses of a name, everywhere or in one place', () => {
    const kallsyms = parse(TEXT);
    expect(kallsyms.lookup('twin')).toEqual([
      0xffffffff81000010n,
      0xffffffff81000020n,
      0xffffffffc0001000n,
    ]);
    expect(kallsyms.lookup('twin', 'vmlinux')).toEqual([0xffffffff81000010n, 0xffffffff81000020n]);
    expect(kallsyms.lookup('twin', 'sctp')).toEqual([0xffffffffc0001000n]);
    expect(kallsyms.lookup('sctp_rcv', 'vmlinux')).toEqual([]);
    expect(kallsyms.lookup('twi')).toEqual([]);
    expect(kallsyms.lookup('fixed_percpu_data')).toEqual([0n]);
  });

  test('lists the kernel proper in its order', () => {
    const { symbols } = parse(TEXT);
    expect(symbols.map(({ name }) => name)).toEqual(['fixed_percpu_data', '_text', 'twin', 'twin']);
    expect(formatSystemMap(symbols)).toBe(`${TEXT.split('\n').slice(0, 4).join('\n')}\n`);
  });

  test.each([
    ['a short address', 'ffffffff8100000 T _text\n'],
    ['an address that is no number', 'ffffffff8100000g T _text\n'],
    ['no type', 'ffffffff81000000 _text\n'],
    ['no name', 'ffffffff81000000 T \n'],
    ['an empty line', '\nffffffff81000000 T _text\n'],
    ['something after the name', 'ffffffff81000000 T _text x\n'],
    ['a module without end', 'ffffffff81000000 T _text\t[sctp\n'],
    ['an empty module', 'ffffffff81000000 T _text\t[]\n'],
    ['a cut last line', 'ffffffff81000000 T _text\nffffffff8100'],
  ])('refuses %s', (_, text) => {
    expect(() => parse(text)).toThrowError(KspliceError);
    expect(() => parse(text)).toThrowError(/line \d is no symbol/);
  });

  test('knows the placeholder that Debian ships in the place of System.map', () => {
    expect(
      isPlaceholder(
        'ffffffffffffffff B The real System.map is in the linux-image-VERSION-dbg package\n',
      ),
    ).toBe(true);
    expect(isPlaceholder('')).toBe(true);
    expect(isPlaceholder(TEXT)).toBe(false);
  });
});
