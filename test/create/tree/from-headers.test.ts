import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentUi } from '../../../src/base/ui.js';
import {
  haveHeadersChanged,
  isFromHeaders,
  lacking,
  otherOptions,
  removePrepared,
  takeFromHeaders,
} from '../../../src/create/tree/from-headers.js';
import type { Kbuild } from '../../../src/create/tree/kbuild.js';

let area: string;
let dir: string;
let config: string;

/** A compiler that says of itself what the configuration says; ld and as are those that there are. */
const VERSION = 'gcc-99 (Test) 99.1';

const FILES = [
  'include/config/auto.conf',
  'include/config/kernel.release',
  'include/generated/autoconf.h',
  'include/generated/asm-offsets.h',
  'include/generated/bounds.h',
  'include/generated/timeconst.h',
  'include/generated/utsrelease.h',
  'include/generated/uapi/linux/version.h',
  'arch/x86/include/generated/asm/syscalls_64.h',
];
const TOOLS = ['scripts/basic/fixdep', 'tools/objtool/objtool', 'scripts/genksyms/genksyms'];

beforeEach(() => {
  area = mkdtempSync(join(tmpdir(), 'ksplice-from-headers-'));
  dir = join(area, 'headers');
  config = join(area, 'config');
  for (const path of FILES) put(path, path);
  for (const path of TOOLS) put(path, '#!/bin/sh\n', 0o755);
  put('gcc-99', `#!/bin/sh\necho '${VERSION}'\n`, 0o755);
  writeFileSync(config, `CONFIG_A=y\nCONFIG_OBJTOOL=y\nCONFIG_CC_VERSION_TEXT="${VERSION}"\n`);
  mkdirSync(join(area, 'objects'));
});
afterEach(() => rmSync(area, { recursive: true, force: true }));

function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
  chmodSync(join(dir, path), mode);
}

function kbuild(more: Record<string, string> = {}, flags: string[] = []): Kbuild {
  const options = new Map(
    Object.entries({
      CONFIG_A: '1',
      CONFIG_OBJTOOL: '1',
      CONFIG_CC_VERSION_TEXT: `"${VERSION}"`,
      ...more,
    }),
  );
  const compiler = join(dir, 'gcc-99');
  const makeVariables = [`CC=${compiler}`, ...flags];
  const headers = { dir, release: '6.1.0', options, compiler, makeVariables };
  return { tree: join(area, 'tree'), objects: join(area, 'objects'), headers, jobs: 1 };
}

const take = (how = kbuild()) => takeFromHeaders(how, config, silentUi);

describe('takeFromHeaders', () => {
  it('takes generated headers and tools', async () => {
    const how = kbuild();
    expect(await take(how)).toBe(undefined);
    expect(isFromHeaders(how)).toBe(true);
    for (const path of [...FILES, ...TOOLS]) {
      expect(readFileSync(join(how.objects, path))).toEqual(readFileSync(join(dir, path)));
    }
    expect(readFileSync(join(how.objects, '.config'))).toEqual(readFileSync(config));
  });

  it('takes nothing over that was prepared in another way', async () => {
    const how = kbuild();
    const stale = join(how.objects, 'include/generated');
    mkdirSync(stale, { recursive: true });
    writeFileSync(join(stale, 'stale.h'), '');
    await take(how);
    expect(() => readFileSync(join(stale, 'stale.h'))).toThrow(/ENOENT/);
    removePrepared(how);
    expect(isFromHeaders(how)).toBe(false);
    expect(() => readFileSync(join(how.objects, 'scripts/basic/fixdep'))).toThrow(/ENOENT/);
  });

  it('sees that the headers are others than those that it took', async () => {
    const how = kbuild();
    expect(haveHeadersChanged(how)).toBe(false);
    await take(how);
    expect(haveHeadersChanged(how)).toBe(false);
    put('include/generated/asm-offsets.h', 'other');
    expect(haveHeadersChanged(how)).toBe(true);
    await take(how);
    expect(haveHeadersChanged(how)).toBe(false);
    put('arch/x86/include/generated/asm/new.h', '');
    expect(haveHeadersChanged(how)).toBe(true);
    rmSync(join(dir, 'arch'), { recursive: true });
    expect(haveHeadersChanged(how)).toBe(true);
  });

  it.each([...FILES, 'scripts/basic/fixdep', 'tools/objtool/objtool'])(
    'leaves it to kbuild where there is no %s',
    async (path) => {
      rmSync(join(dir, path));
      expect(await take()).toContain(`the headers have no ${path}`);
      expect(isFromHeaders(kbuild())).toBe(false);
    },
  );

  it('needs a tool only for what the kernel has', () => {
    chmodSync(join(dir, 'scripts/genksyms/genksyms'), 0o644);
    expect(lacking(kbuild().headers)).toBe(undefined);
    const versions = kbuild({ CONFIG_MODVERSIONS: '1' });
    expect(lacking(versions.headers)).toMatch(/genksyms that can be run/);
  });

  it('leaves kernels to kbuild for which it makes something of its own', () => {
    expect(lacking(kbuild({ CONFIG_GCC_PLUGINS: '1' }).headers)).toMatch(/has CONFIG_GCC_PLUGINS/);
  });

  it('leaves it to kbuild where the tools are others', async () => {
    put('gcc-99', "#!/bin/sh\necho 'gcc-99 (Test) 99.2'\n", 0o755);
    expect(await take()).toBe('the compiler is gcc-99 (Test) 99.2');
    put('gcc-99', '#!/bin/sh\nexit 1\n', 0o755);
    expect(await take()).toMatch(/^the compiler is/);
  });

  it('asks the tools of LLVM where the flags name them', async () => {
    const bin = join(dir, 'bin/');
    put('bin/clang', `#!/bin/sh\necho '${VERSION}'\n`, 0o755);
    put('bin/ld.lld', "#!/bin/sh\necho 'Debian LLD 14.0.6 (compatible with GNU linkers)'\n", 0o755);
    const llvm = (version: string) => {
      const how = kbuild({ CONFIG_LLD_VERSION: version }, [`LLVM=${bin}`]);
      const headers = { ...how.headers, compiler: `${bin}clang`, makeVariables: [`LLVM=${bin}`] };
      return { ...how, headers };
    };
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, `${text}CONFIG_LLD_VERSION=140006\n`);
    expect(await take(llvm('140006'))).toBe(undefined);
    writeFileSync(config, `${text}CONFIG_LLD_VERSION=150000\n`);
    expect(await take(llvm('150000'))).toMatch(
      /^CONFIG_LLD_VERSION is 150000, and here is Debian LLD/,
    );
    const others = llvm('150000');
    others.headers.makeVariables.push('LLVM_IAS=0');
    expect(await take(others)).toBe('the flags have LLVM_IAS=0');
  });

  it('leaves it to kbuild where the linker is of another version, or named', async () => {
    const more = { CONFIG_LD_VERSION: '10000' };
    writeFileSync(config, `${readFileSync(config, 'utf8')}CONFIG_LD_VERSION=10000\n`);
    expect(await take(kbuild(more))).toMatch(/^CONFIG_LD_VERSION is 10000, and here is GNU ld/);
    expect(await take(kbuild(more, ['LD=ld.gold']))).toBe('the flags have LD=ld.gold');
  });

  it('leaves it to kbuild where .config is not what the headers were made with', async () => {
    writeFileSync(config, `${readFileSync(config, 'utf8')}CONFIG_B=m\n`);
    expect(await take()).toBe('.config and the headers differ in CONFIG_B_MODULE');
  });
});

describe('otherOptions', () => {
  it('reads .config as kconfig does', () => {
    const { headers } = kbuild({ CONFIG_M_MODULE: '1', CONFIG_HEX: '0x1f', CONFIG_TEXT: '"a b"' });
    const text = (more: string) => `${readFileSync(config, 'utf8')}CONFIG_M=m\n${more}`;
    const rest = 'CONFIG_TEXT="a b"\n# CONFIG_N is not set\n';
    expect(otherOptions(text(`CONFIG_HEX=1f\n${rest}`), headers)).toBe(undefined);
    expect(otherOptions(text(`CONFIG_HEX=0x1f\n${rest}`), headers)).toBe(undefined);
    expect(otherOptions(text(`CONFIG_HEX=1e\n${rest}`), headers)).toMatch(/CONFIG_HEX$/);
    expect(otherOptions(text(rest), headers)).toMatch(/CONFIG_HEX$/);
  });
});
