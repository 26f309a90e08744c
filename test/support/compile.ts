// Real objects for the tests: C or assembly beside the test, compiled when the
// test runs, with the flags that shape a kernel object.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The compiler flags of the kernel's build that decide what an object looks like. */
export const kernelFlags = [
  '-O2',
  '-std=gnu11',
  '-mcmodel=kernel',
  '-mno-sse',
  '-mno-red-zone',
  '-fno-pie',
  '-fno-strict-aliasing',
  '-fno-common',
  '-fno-asynchronous-unwind-tables',
  '-fno-stack-protector',
  '-fno-jump-tables',
  '-fcf-protection=none',
  '-ffreestanding',
];

/** Flags of the objects that the differ compares. */
export const sectionFlags = ['-ffunction-sections', '-fdata-sections'];

/**
 * Compiles one C or assembly file.
 * @returns the object file's bytes
 */
export function compile(source: string, flags: readonly string[] = []): Buffer {
  const directory = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  try {
    const object = path.join(directory, 'out.o');
    execFileSync('gcc', [...kernelFlags, ...flags, '-c', '-o', object, source], { stdio: 'pipe' });
    return readFileSync(object);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
