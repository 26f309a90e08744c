// Small trees that look like a kernel's headers and source, as far as configure looks.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export function writeTree(root: string, files: Record<string, string>): string {
  for (const [name, contents] of Object.entries(files)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, contents);
  }
  return root;
}

export const RELEASE = '6.1.0-7-amd64';
export const VERSION = '#1 SMP PREEMPT_DYNAMIC Debian 6.1.20-2 (2023-04-08)';
export const COMPILER = 'gcc-12 (Debian 12.2.0-14) 12.2.0';

/** Options without which a kernel cannot be patched. */
export const NEEDED = [
  'X86_64',
  'SMP',
  'MODULES',
  'MODULE_UNLOAD',
  'KALLSYMS_ALL',
  'STACKTRACE',
  'UNWINDER_ORC',
  'SYSFS',
  'PROC_FS',
];

/** The text of a .config with these options set. */
export function configText(...options: string[]): string {
  return options.map((name) => `CONFIG_${name}=y\n`).join('');
}

/** What linux-headers-RELEASE holds. */
export function headersTree(root: string, change: Record<string, string> = {}): string {
  return writeTree(root, {
    Makefile: 'include /usr/src/linux-headers-common/Makefile\n',
    'Module.symvers': '0x00000000\tx\tvmlinux\tEXPORT_SYMBOL\t\n',
    '.config': `CONFIG_CC_VERSION_TEXT="${COMPILER}"\n# CONFIG_DEBUG_INFO_BTF is not set\n${configText(...NEEDED)}`,
    'include/generated/utsrelease.h': `#define UTS_RELEASE "${RELEASE}"\n`,
    'include/generated/utsversion.h': `#define UTS_VERSION "${VERSION}"\n`,
    'include/generated/package.h': '#define LINUX_PACKAGE_ID " Debian 6.1.20-2"\n',
    ...change,
  });
}

/** What linux-source-6.1 unpacks to. */
export function sourceTree(root: string, change: Record<string, string> = {}): string {
  return writeTree(root, {
    Makefile: 'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 20\nEXTRAVERSION =\nNAME = x\n',
    'init/main.c': 'int main;\n',
    ...change,
  });
}
