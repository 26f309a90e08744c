import { expect, it } from 'vitest';
import { isExpected } from '../../../src/create/modules/expected-warnings.js';

it.each([
  'WARNING: modpost: "tcp_v4_rcv" [/run/5/ksplice_a_new.ko] undefined!',
  'WARNING: modpost: suppressed 12 unresolved symbol warnings because there were too many)',
  'warning: the compiler differs from the one used to build the kernel',
  'ksplice_a_bridge_new.o: warning: objtool: changes+0x48: data relocation to !ENDBR: br_multicast_block.constprop.0.ksplice_a+0x0',
])('%s says nothing of the patch', (line) => {
  expect(isExpected(line)).toBe(true);
});

it.each([
  'WARNING: modpost: missing MODULE_LICENSE() in ksplice_a_new.o',
  // The core calls hooks by their addresses.
  'ksplice_a_new.o: warning: objtool: hooks+0x8: data relocation to !ENDBR: prepare.ksplice_a+0x0',
  'ksplice_a_new.o: warning: objtool: ops+0x8: data relocation to !ENDBR: show.ksplice_a+0x0',
  'ksplice_a_new.o: warning: objtool: changes+0x48: something else',
  'new_vmlinux.c:12:3: warning: unused variable',
])('%s is told', (line) => {
  expect(isExpected(line)).toBe(false);
});
