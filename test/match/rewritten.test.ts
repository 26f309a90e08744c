// Patch sites in a linked kernel: each form that a site may have is written
// into running code, and so are forms that it may not have.

import { describe, expect, it } from 'vitest';
import { matchProgram } from '../../src/match/interpret.js';
import type { Field, Item, Program, Variant } from '../../src/program/program.js';
import { LinkedKernel } from './support/linked.js';
import { fixture, programOf, siteFixtures } from './support/programs.js';

type SiteItem = Extract<Item, { kind: 'site' }>;

interface PlacedSite {
  readonly name: string;
  readonly item: SiteItem;
  readonly address: bigint;
}

/** A function that sites may be made to call; no name in the program leads there. */
const TRAMPOLINE = 0x19000000n;

function setUp(file: string): { kernel: LinkedKernel; program: Program; sites: PlacedSite[] } {
  const object = fixture(file);
  const kernel = new LinkedKernel([object]);
  const { program } = programOf({ 'x.o': object });
  const { addresses } = matchProgram(program, 'vmlinux', kernel);
  const sites = program.spans.flatMap((span, index) =>
    span.items.flatMap((item) =>
      item.kind === 'site'
        ? [{ name: span.name, item, address: addresses[index]! + BigInt(item.offset) }]
        : [],
    ),
  );
  return { kernel, program, sites };
}

/** The value that a key has in the linked kernel; groups and free fields are given the trampoline. */
function rightValue(kernel: LinkedKernel, program: Program, field: Field): bigint {
  const key = program.keys[field.key]!;
  if (field.free || key.group) return TRAMPOLINE;
  if (key.name) return kernel.address(key.name);
  const { values } = matchProgram(program, 'vmlinux', kernel);
  return values[field.key]!;
}

/** The bytes of a form with its numbers; undefined if one does not fit its width. */
function written(
  variant: Variant,
  address: bigint,
  target: (field: Field) => bigint,
): Uint8Array | undefined {
  const bytes = Buffer.from(variant.bytes);
  for (const field of variant.fields) {
    let number = target(field) + BigInt(field.addend);
    if (field.pcrel) number -= address + BigInt(field.offset);
    const bits = BigInt(field.width * 8);
    if (BigInt.asIntN(Number(bits), number) !== number) return undefined;
    let rest = BigInt.asUintN(Number(bits), number);
    for (let byte = 0; byte < field.width; byte++, rest >>= 8n) {
      bytes[field.offset + byte] = Number(rest & 0xffn);
    }
  }
  return bytes;
}

describe.each(siteFixtures)('%s in a kernel', (file) => {
  const { kernel, program, sites } = setUp(file);
  const matches = () => matchProgram(program, 'vmlinux', kernel).ok;
  const withBytes = (address: bigint, bytes: Uint8Array): boolean => {
    const before = kernel.poke(address, bytes);
    try {
      return matches();
    } finally {
      kernel.poke(address, before);
    }
  };

  it('matches as built', () => {
    expect(matchProgram(program, 'vmlinux', kernel).mismatches).toEqual([]);
    expect(sites.length).toBeGreaterThan(0);
  });

  it('matches with any form of any site', () => {
    let tried = 0;
    for (const { name, item, address } of sites) {
      for (const variant of item.variants) {
        const bytes = written(variant, address, (field) => rightValue(kernel, program, field));
        if (!bytes) continue; // a short jump to what is far away
        const hex = Buffer.from(bytes).toString('hex');
        expect(withBytes(address, bytes), `${name}+${item.offset} ${hex}`).toBe(true);
        tried++;
      }
    }
    expect(tried).toBeGreaterThanOrEqual(sites.length * 2);
  });

  it('is refused with any other opcode', () => {
    for (const { name, item, address } of sites) {
      for (const variant of item.variants) {
        const bytes = written(variant, address, (field) => rightValue(kernel, program, field));
        if (!bytes) continue;
        bytes[0]! ^= 0x40;
        expect(withBytes(address, bytes), `${name}+${item.offset}`).toBe(false);
      }
    }
  });

  it('is refused when a form leads to another place than it says', () => {
    for (const { name, item, address } of sites) {
      for (const variant of item.variants) {
        const strict = variant.fields.filter(
          (field) => !field.free && !program.keys[field.key]!.group,
        );
        if (strict.length === 0) continue;
        const bytes = written(variant, address, (field) => {
          return rightValue(kernel, program, field) + 1n;
        });
        if (!bytes) continue;
        // Another form may allow it: a site that may lead anywhere, or where its group leads.
        const anywhere = item.variants.some(
          (other) =>
            other.bytes[0] === variant.bytes[0] &&
            other.fields.some((field) => field.free || program.keys[field.key]!.group),
        );
        expect(withBytes(address, bytes), `${name}+${item.offset}`).toBe(anywhere);
      }
    }
  });
});

describe('sites of one group', () => {
  it('have to agree: all returns use the same thunk', () => {
    const object = fixture('returns.S');
    const kernel = new LinkedKernel([object]);
    const { program } = programOf({ 'x.o': object });
    const jump = (name: string, target: bigint) => {
      const place = kernel.address(name);
      const bytes = Buffer.alloc(5, 0xe9);
      bytes.writeInt32LE(Number(target - place - 5n), 1);
      kernel.poke(place, bytes);
    };
    jump('first_return', TRAMPOLINE);
    expect(matchProgram(program, 'vmlinux', kernel).ok).toBe(true);
    jump('second_return', TRAMPOLINE);
    expect(matchProgram(program, 'vmlinux', kernel).ok).toBe(true);
    jump('second_return', TRAMPOLINE + 16n);
    const { mismatches } = matchProgram(program, 'vmlinux', kernel);
    expect(mismatches).toMatchObject([{ cause: 'differs', span: 'second_return', offset: 0 }]);
  });

  it('prefer a form that is known to be right over one that would have to be believed', () => {
    // The jump in use leads out of the section to code that nothing else refers
    // to, the replacement to a known place: both are jumps.
    const object = fixture('feature.S');
    const kernel = new LinkedKernel([object]);
    const { program } = programOf({ 'x.o': object });
    const place = kernel.address('feature');
    const jump = (target: bigint) => {
      const bytes = Buffer.alloc(5, 0xe9);
      bytes.writeInt32LE(Number(target - place - 5n), 1);
      kernel.poke(place, bytes);
    };
    expect(matchProgram(program, 'vmlinux', kernel).ok).toBe(true);
    jump(kernel.address('without_feature'));
    const { ok, values } = matchProgram(program, 'vmlinux', kernel);
    expect(ok).toBe(true);
    const slow = program.keys.findIndex(({ label }) => label === 'x.o .altinstr_aux');
    expect(values[slow]).toBeUndefined();
  });
});
