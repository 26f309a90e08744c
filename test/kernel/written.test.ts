import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readWritten, takeBack, type Written } from '../../src/kernel/written.js';

const bytes = (hex: string) => Buffer.from(hex, 'hex');

describe('readWritten', () => {
  let sysfs: string;
  beforeEach(() => {
    sysfs = mkdtempSync(join(tmpdir(), 'ksplice-sysfs-'));
    writeFileSync(join(sysfs, 'api_version'), '1\n');
  });
  afterEach(() => rmSync(sysfs, { recursive: true, force: true }));

  function update(id: string, order: number, saved: string): void {
    mkdirSync(join(sysfs, id));
    writeFileSync(join(sysfs, id, 'order'), `${order}\n`);
    writeFileSync(join(sysfs, id, 'saved'), saved);
  }

  it('has the newest first, and nothing of updates that are not applied', () => {
    update('a', 2, '0xffffffff81000005 0f1f440000\n0xffffffff82000000 01\n');
    update('b', 11, '0xffffffff81000005 e912345678\n');
    update('c', 0, '');
    expect(readWritten(sysfs)).toEqual([
      { address: 0xffffffff81000005n, saved: bytes('e912345678') },
      { address: 0xffffffff81000005n, saved: bytes('0f1f440000') },
      { address: 0xffffffff82000000n, saved: bytes('01') },
    ]);
  });

  it('refuses addresses that are hidden: with them nothing could be taken back', () => {
    update('a', 1, '0x0 0f1f440000\n');
    expect(() => readWritten(sysfs)).toThrowError(
      expect.objectContaining({
        code: 'unreadable-kernel',
        advice: expect.stringContaining('CAP_SYSLOG'),
      }),
    );
  });

  it('has nothing without the core', () => {
    expect(readWritten(join(sysfs, 'none'))).toEqual([]);
  });
});

describe('takeBack', () => {
  const written: Written[] = [
    { address: 0x1002n, saved: bytes('b1b2') },
    { address: 0x1002n, saved: bytes('a1a2a3') },
  ];
  const read = (address: bigint, hex: string) => {
    const found = bytes(hex);
    takeBack(found, address, written);
    return found.toString('hex');
  };

  it('puts back what is inside of what was read, the oldest last', () => {
    expect(read(0x1000n, '00000000000000')).toBe('0000a1a2a30000');
    expect(read(0x1000n, '000000')).toBe('0000a1');
    expect(read(0x1003n, '000000')).toBe('a2a300');
    expect(read(0x1003n, '00')).toBe('a2');
  });

  it('leaves alone what is elsewhere', () => {
    expect(read(0x1000n, '0000')).toBe('0000');
    expect(read(0x1005n, '0000')).toBe('0000');
  });
});
