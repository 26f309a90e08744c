import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOf, locked, removeOld } from './once.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'once-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('lets one after the other have the lock, and the next if one throws', async () => {
  const said: string[] = [];
  const turn = (name: string) =>
    locked(join(folder, 'lock'), async () => {
      said.push(`${name} begins`);
      await pause(50);
      said.push(`${name} ends`);
      if (name === 'a') throw new Error('a throws');
    });
  await Promise.allSettled([turn('a'), turn('b')]);
  expect(said[1]).toBe(said[0]?.replace('begins', 'ends'));
  expect(said).toHaveLength(4);
  await expect(turn('a')).rejects.toThrow('a throws');
  await turn('c');
});

it('tells files apart by what is in them', async () => {
  const write = (text: string) => writeFileSync(join(folder, 'file'), text);
  write('a');
  const first = await digestOf([folder], 'x');
  expect(await digestOf([folder], 'x')).toBe(first);
  expect(await digestOf([folder], 'y')).not.toBe(first);
  write('b');
  expect(await digestOf([folder], 'x')).not.toBe(first);
});

it('takes old things away, and no lock', async () => {
  for (const name of ['old', 'new', 'lock']) writeFileSync(join(folder, name), '');
  for (const name of ['old', 'lock']) utimesSync(join(folder, name), 1, 1);
  await removeOld(folder);
  expect(readdirSync(folder).sort()).toEqual(['lock', 'new']);
});
