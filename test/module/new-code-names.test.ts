import { describe, expect, test } from 'vitest';
import { newCodeName, plainName } from '../../src/module/new-code-names.js';

/** Longer than a kernel before 6.1 can have a name. */
const long = (end: string) => `${'very_long_'.repeat(14)}${end}`;

describe('a name in new code', () => {
  test.each([
    ['do_nanosleep', 'do_nanosleep.ksplice_fix1'],
    ['count.12', 'count.12.ksplice_fix1'],
    ['tcp_ack.isra.0', 'tcp_ack.isra.0.ksplice_fix1'],
    // What is before ".cold" is the name of the function that it belongs to.
    ['do_trap.cold', 'do_trap.ksplice_fix1.cold'],
    ['tcp_ack.isra.0.cold.3', 'tcp_ack.isra.0.ksplice_fix1.cold.3'],
    ['coldly', 'coldly.ksplice_fix1'],
  ])('%s is %s, and is shown as it was', (name, expected) => {
    expect(newCodeName(name, 'fix1')).toBe(expected);
    expect(plainName(expected)).toBe(name);
  });

  test('fits into kallsyms, and stays different from all others', () => {
    const ids = ['a', 'abcdefghijklmnop'];
    for (const id of ids) {
      const names = [long('one'), long('two'), `${long('one')}.cold`, `${long('one')}.cold.99`];
      const made = names.map((name) => newCodeName(name, id));
      for (const name of made) expect(name).toMatch(/^[\w.]{1,127}$/);
      expect(new Set(made).size).toBe(names.length);
      expect(made[2]).toBe(`${made[0]}.cold`);
      expect(made[0]).toMatch(new RegExp(`^very_long_.*_[0-9a-f]{12}\\.ksplice_${id}$`));
      expect(newCodeName(long('one'), id)).toBe(made[0]);
    }
    // The longest that stays whole.
    const most = 'x'.repeat(127 - 10 - '.ksplice_a'.length);
    expect(newCodeName(most, 'a')).toBe(`${most}.ksplice_a`);
    expect(newCodeName(`${most}x`, 'a')).not.toContain(most);
  });
});

describe('a name for people', () => {
  test.each([
    [
      'do_nanosleep.ksplice_fix+0x6f/0x130 [ksplice_fix_vmlinux_new]',
      'do_nanosleep+0x6f/0x130 [ksplice_fix_vmlinux_new]',
    ],
    [
      'do_trap.ksplice_fix.cold+0x3/0x9 [ksplice_fix_vmlinux_new]',
      'do_trap.cold+0x3/0x9 [ksplice_fix_vmlinux_new]',
    ],
    ['ksplice_trampoline+0x1/0x2', 'ksplice_trampoline+0x1/0x2'],
    ['ksplice.vmlinux.1.setting', 'ksplice.vmlinux.1.setting'],
    ['.klp.sym.ksplice_a_vmlinux_new.calls,1', '.klp.sym.ksplice_a_vmlinux_new.calls,1'],
    ['f.ksplice_UPPER', 'f.ksplice_UPPER'],
  ])('%s is %s', (text, expected) => {
    expect(plainName(text)).toBe(expected);
  });
});
