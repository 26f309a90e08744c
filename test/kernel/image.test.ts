import { describe, expect, test } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { readVmlinuz } from '../../src/kernel/vmlinux.js';
import {
  bzImage,
  FUNCTION_SIZE,
  FUNCTIONS,
  functionName,
  TEXT,
  tinyKernel,
  tinyVmlinux,
} from './tiny-kernel.js';

const { signal } = new AbortController();
const read = (image: Buffer) => readVmlinuz(image, 'tiny vmlinuz', signal);

describe.each([
  { order: 'offsets-first', encoding: 'absolute-percpu', compression: 'gzip' },
  { order: 'offsets-first', encoding: 'relative', compression: 'xz' },
  { order: 'offsets-last', encoding: 'absolute-percpu', compression: 'xz' },
  { order: 'offsets-last', encoding: 'relative', compression: 'gzip' },
  { order: 'offsets-last', encoding: 'own-place', compression: 'gzip' },
  { order: 'offsets-last', encoding: 'own-place', compression: 'xz', exports: 'with-flags' },
  { order: 'offsets-last', encoding: 'own-place', compression: 'gzip', alignment: 4 },
] as const)('a kernel with $order, $encoding, $compression', (options) => {
  test('tells its release, symbols, exports and code', async () => {
    const kernel = await read(tinyKernel(options));
    expect(kernel.release).toBe('6.1.0-tiny');
    expect(kernel.version).toBe('#1 SMP Debian 6.1.7-1 (2026)');
    const percpu = options.encoding === 'absolute-percpu' ? 2 : 0;
    expect(kernel.symbols).toHaveLength(FUNCTIONS + 8 + percpu);
    for (const index of [0, 1, 255, 256, 257, FUNCTIONS - 1]) {
      const address = TEXT + FUNCTION_SIZE * BigInt(index);
      expect(kernel.index.lookup(functionName(index))).toEqual([address]);
      const type = index % 2 ? 't' : 'T';
      expect(kernel.symbols).toContainEqual({ name: functionName(index), type, address });
      // mov $index, %eax
      const code = Buffer.from(kernel.memory.read(address, 5)!);
      expect([code[0], code.readUInt32LE(1)]).toEqual([0xb8, index]);
    }
    const [first, second] = kernel.index.lookup('twin');
    expect(second! - first!).toBe(1n);
    if (percpu) expect(kernel.index.lookup('__per_cpu_end')).toEqual([0x2000n]);
    expect([...kernel.exports.keys()].sort()).toEqual(
      [0, 1, ...Array.from({ length: 11 }, (_, n) => 100 * (n + 1))].map(functionName).sort(),
    );
    expect(kernel.exports.get(functionName(300))).toBe(TEXT + 300n * FUNCTION_SIZE);
  });
});

describe('a kernel whose tables are laid out as no known one has them', () => {
  test.each([
    ['no-index', /there is no table of tokens/],
    ['names-last', /no list of names is before them/],
    ['with-a-gap', /no addresses that fit them/],
  ] as const)('(%s) is refused with what was not understood', async (order, what) => {
    await expect(read(tinyKernel({ order }))).rejects.toMatchObject({
      code: 'bad-image',
      message: expect.stringMatching(
        new RegExp(`^tiny vmlinuz: the symbol table .* not understood: .*${what.source}`),
      ),
      advice: expect.stringContaining('ksplice-ts capture'),
    });
  });
});

test('a kernel with a signature behind it is the same as without', async () => {
  const signature = Buffer.alloc(1528, 0x30);
  const [plain, signed] = await Promise.all([
    read(tinyKernel()),
    read(Buffer.concat([tinyKernel(), signature])),
  ]);
  expect(signed.symbols).toEqual(plain.symbols);
  expect(signed.memory.read(TEXT, 4096)).toEqual(plain.memory.read(TEXT, 4096));
});

describe('an image that is not right', () => {
  const vmlinux = tinyVmlinux();
  const image = bzImage(vmlinux);

  async function refusal(bytes: Buffer): Promise<string> {
    try {
      await read(bytes);
    } catch (error) {
      if (error instanceof KspliceError) return error.code;
      throw error;
    }
    return 'none';
  }

  test('is refused wherever it is cut', async () => {
    expect(await refusal(image)).toBe('none');
    for (let at = 0; at < image.length; at += 1 + Math.floor(image.length / 150)) {
      expect(await refusal(image.subarray(0, at)), `cut at ${at}`).toBe('bad-image');
    }
  });

  test('is refused when its size is not the one it says', async () => {
    const other = Buffer.from(image);
    other.writeUInt32LE(vmlinux.length + 1, image.length - 4);
    expect(await refusal(other)).toBe('bad-image');
  });

  test('is refused when it is no kernel at all', async () => {
    expect(await refusal(Buffer.alloc(100_000))).toBe('bad-image');
    expect(await refusal(bzImage(Buffer.from('not an ELF file'.repeat(100))))).toBe('bad-image');
    expect(await refusal(bzImage(vmlinux.subarray(0, 4096)))).toBe('bad-image');
  });

  test('never ends in anything but a refusal when bytes of it are changed', async () => {
    // The whole file once over, a changed byte at each step; most hit tables or code.
    let seed = 1;
    for (let round = 0; round < 60; round++) {
      const broken = Buffer.from(vmlinux);
      for (let change = 0; change < 8; change++) {
        seed = (seed * 48271) % 0x7fffffff;
        const headers = round % 2 === 0 ? 4096 : broken.length;
        broken[seed % headers] = seed >> 8;
      }
      expect(['bad-image', 'none']).toContain(await refusal(bzImage(broken)));
    }
  });

  test('has no symbols when one number of the tables does not fit', async () => {
    // In the names: the length of a name. Everything after it moves.
    const text = Buffer.from('\x06T\x01_0100', 'latin1');
    const at = vmlinux.indexOf(text.subarray(1));
    const broken = Buffer.from(vmlinux);
    broken[at - 1]! += 1;
    expect(at).toBeGreaterThan(0);
    expect(await refusal(bzImage(broken))).toBe('bad-image');
  });
});
