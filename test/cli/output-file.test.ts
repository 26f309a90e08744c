import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeOutputFile } from '../../src/cli/output-file.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ksplice-output-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a result that goes to a file', () => {
  it('takes the place of the old one, and leaves nothing else', async () => {
    const file = path.join(folder, 'page');
    await writeOutputFile(file, 'old', '--output');
    await writeOutputFile(file, 'new', '--output');
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['page']);
  });

  it('goes into a pipe, which stays one', async () => {
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [, read] = await Promise.all([
      writeOutputFile(pipe, 'words', '--output'),
      readFile(pipe, 'utf8'),
    ]);
    expect(read).toBe('words');
    expect(statSync(pipe).isFIFO()).toBe(true);
  });

  it('is an error where it cannot be written, which names the option', async () => {
    const file = path.join(folder, 'missing', 'page');
    await expect(writeOutputFile(file, 'words', '--html')).rejects.toMatchObject({
      code: 'io',
      advice: expect.stringContaining('--html'),
    });
  });
});
