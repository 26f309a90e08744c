// A whole small update for tests: its modules are compiled here, from the
// source below, so that they are real objects though nothing would run them.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { CHECKSUMS, formatChecksums } from '../../src/update/checksums.js';
import { type Contents, formatContents } from '../../src/update/contents.js';
import { API_VERSION } from '../../src/update/update.js';

export const RELEASE = '6.1.0-test-amd64';

/** A fresh directory that is removed when `use` is done. */
export async function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(path.join(tmpdir(), 'ksplice-test-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const SOURCE = `
#define INFO(name, text) \\
  static const char name[] __attribute__((used, section(".modinfo"))) = text
INFO(name, "name=" NAME);
INFO(vermagic, "vermagic=" RELEASE " SMP preempt mod_unload modversions ");
INFO(depends, "depends=" DEPENDS);
#ifdef PROGRAM
static const unsigned char program[] __attribute__((used, section(".ksplice.program"))) = {
  PROGRAM };
#endif
// The linker's checksum of what is in the module; here, of what matters to tests.
static const char build[] __attribute__((used, section(".note.gnu.build-id"))) = NAME ANSWER;
int answer(void) { return sizeof(ANSWER); }
#ifdef HOOKS
// As much of struct ksplice_new_code as says how many hooks there are.
static const struct { char before[96]; unsigned int n_hooks; char after[36]; } new_code
  __attribute__((used)) = { .n_hooks = HOOKS };
#endif
#ifdef NEEDS
extern int NEEDS(void);
int more(void) { return NEEDS() + 1; }
#endif
`;

/** As much of a match program as most tests look at. */
const NO_PROGRAM: Buffer = Buffer.from('KSPM\x01\0\0\0');

/** Compiles a module that says what it is told to say about itself. */
export async function compileModule(
  file: string,
  name: string,
  {
    release = RELEASE,
    depends = '',
    program = undefined as Buffer | undefined,
    answer = '42',
    needs = '',
    hooks = undefined as number | undefined,
  } = {},
): Promise<void> {
  const define = (macro: string, text: string) => `-D${macro}="${text}"`;
  const defines = [define('NAME', name), define('RELEASE', release), define('DEPENDS', depends)];
  defines.push(define('ANSWER', answer));
  if (program) defines.push(`-DPROGRAM=${[...program].join(',')}`);
  if (needs) defines.push(`-DNEEDS=${needs}`);
  if (hooks !== undefined) defines.push(`-DHOOKS=${hooks}`);
  await execa('gcc', ['-c', '-O2', '-x', 'c', ...defines, '-o', file, '-'], { input: SOURCE });
}

export interface Sample {
  /** The unpacked directory, `.../ksplice-ID`. */
  readonly directory: string;
  readonly id: string;
  readonly contents: Contents;
}

/** Makes an unpacked update below `where`, with everything in it but SHA256SUMS. */
export async function makeSample(
  where: string,
  {
    id = 'abc12345',
    targets = ['vmlinux', 'sctp'],
    release = RELEASE,
    answer = '42',
    program = NO_PROGRAM,
    on = [] as string[],
    behindInit = undefined as string | undefined,
    buildId = undefined as string | undefined,
    fixes = '',
    hooks = undefined as number | undefined,
  } = {},
): Promise<Sample> {
  const directory = path.join(where, `ksplice-${id}`);
  await mkdir(path.join(directory, 'debug'), { recursive: true });
  const module = (target: string, kind: string) => {
    const name = `ksplice_${id}_${target}_${kind}`;
    return { module: name, file: `${name}.ko` };
  };
  const contents: Contents = {
    core: { module: 'ksplice', file: 'ksplice.ko' },
    on,
    changes: targets.map((target) => ({
      target,
      newCode: module(target, 'new'),
      oldCode: module(target, 'old'),
      ...(target !== 'vmlinux' && behindInit !== undefined && { behindInit }),
    })),
  };
  const inside = (name: string) => path.join(directory, name);
  await compileModule(inside('ksplice.ko'), 'ksplice', { release });
  for (const { newCode, oldCode } of contents.changes) {
    const depends = 'ksplice';
    await compileModule(inside(newCode.file), newCode.module, { release, depends, answer, hooks });
    await compileModule(inside(oldCode.file), oldCode.module, { release, depends, program });
  }
  await writeFile(inside('contents'), formatContents(contents));
  await writeFile(inside('patch'), '--- a/net/x.c\n+++ b/net/x.c\n@@ -1 +1 @@\n-old\n+new\n');
  await writeFile(inside('description'), 'a change for tests\n');
  await writeFile(inside('api-version'), `${API_VERSION}\n`);
  await writeFile(inside('timestamp'), '2026-01-02T03:04:05Z\n');
  await writeFile(inside('utsname'), `Linux ${release} x86_64\n`);
  if (buildId !== undefined) await writeFile(inside('build-id'), `${buildId}\n`);
  if (fixes !== '') await writeFile(inside('fixes'), fixes);
  await writeFile(inside('debug/report.json'), '{"objects":[]}\n');
  return { directory, id, contents };
}

/** Writes SHA256SUMS over whatever the directory's top level and debug/ hold. */
export async function sealSample(sample: Sample, paths: readonly string[]): Promise<void> {
  const files = new Map<string, Buffer>();
  for (const name of paths) files.set(name, await readFile(path.join(sample.directory, name)));
  await writeFile(path.join(sample.directory, CHECKSUMS), formatChecksums(files));
}
