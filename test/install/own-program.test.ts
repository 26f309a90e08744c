import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Host } from '../../src/host/host.js';
import { requireSeenByKernel } from '../../src/install/own-program.js';

let folder: string;
let host: Host;
const at = (...names: string[]) => path.join(folder, ...names);
/** Where the first process has a file of the host's. */
const there = (file: string) => at('proc', '1', 'root', file);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  const [sysfs, proc, run, installed, units] = ['sys', 'proc', 'run', 'lib', 'units'].map((name) =>
    at(name),
  );
  host = new Host({
    sysfs: sysfs!,
    proc: proc!,
    run: run!,
    installed: installed!,
    units: units!,
    boot: at('boot'),
    rebootRequired: at('reboot-required'),
    packagedUnits: '/nonexistent',
    trust: at('etc'),
  });
  mkdirSync(at('proc', 'self', 'ns'), { recursive: true });
  for (const name of ['node', 'tool']) {
    writeFileSync(at(name), name);
    mkdirSync(path.dirname(there(at(name))), { recursive: true });
    linkSync(at(name), there(at(name)));
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const inNamespace = (number: number) =>
  symlinkSync(`pid:[${number}]`, at('proc', 'self', 'ns', 'pid'));
const required = () => requireSeenByKernel(host, [at('node'), at('tool')]);
const refusal = (file: string) => ({
  code: 'writable-by-others',
  message: expect.stringContaining(`${at(file)} is not the same file outside`),
});

describe('the program that the kernel is to run', () => {
  it('is what the first process sees under that name', async () => {
    inNamespace(0xeffffffc);
    await required();
  });

  it('is what it sees where there are no namespaces of processes', async () => {
    await required();
  });

  it('is not one that only this mount namespace has, or has another of', async () => {
    inNamespace(0xeffffffc);
    rmSync(there(at('tool')));
    await expect(required()).rejects.toMatchObject(refusal('tool'));
    writeFileSync(there(at('tool')), 'tool');
    await expect(required()).rejects.toMatchObject(refusal('tool'));
  });

  it('is not known in a container, where the first process is another', async () => {
    inNamespace(4026532000);
    await expect(required()).rejects.toMatchObject(refusal('node'));
  });
});
