// objdiff as a user meets it: what it prints and how it ends.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { silentUi } from '../../src/base/ui.js';
import type { Outcome } from '../../src/cli/command.js';
import { command } from '../../src/cli/commands/objdiff.js';
import { compileBytes } from './fixtures.js';

/** Runs the command on two files of these contents. */
async function onFiles(
  pre: Uint8Array,
  post: Uint8Array,
  options: Record<string, unknown> = {},
): Promise<Outcome> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  try {
    const files = { pre: path.join(folder, 'pre.o'), post: path.join(folder, 'post.o') };
    writeFileSync(files.pre, pre);
    writeFileSync(files.post, post);
    return await command.run({ ...files, ...options }, silentUi);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs the command on a fixture's objects. */
function objdiff(fixture: string, options: Record<string, unknown> = {}): Promise<Outcome> {
  return onFiles(...compileBytes(fixture), options);
}

describe('objdiff', () => {
  test('tells what changed', async () => {
    const outcome = await objdiff('function-changed.c');
    expect(outcome.exitStatus).toBe(0);
    expect(outcome.json).toEqual({
      verdict: 'changed',
      functions: { changed: ['changed'], added: [], removed: [] },
      data: { changed: [], added: [], removed: [] },
      refusals: [],
      notes: [],
    });
    expect(outcome.text).toEqual(['changed', '  changed function: changed']);
  });

  test('does not take moved lines for a change', async () => {
    const { json, text } = await objdiff('lines-passed.c');
    // What is passed beside a line, and a number that nothing shows to be a line, are changes.
    expect(json).toMatchObject({ functions: { changed: ['other', 'error'] } });
    expect(text).toContain('note: only numbers of lines differ in asserts');
  });

  test('ends with 1 when it refuses, and says what to do', async () => {
    const outcome = await objdiff('data-changed.c');
    expect(outcome.exitStatus).toBe(1);
    const [refusal] = outcome.json.refusals as Record<string, string>[];
    expect(Object.keys(refusal!).sort()).toEqual(['advice', 'code', 'message', 'object', 'symbol']);
    expect(outcome.text.join('\n')).toContain(`refused (data-changed): ${refusal!.message}`);
    expect(outcome.text.join('\n')).toContain(refusal!.advice);
  });

  test('ends with 0 when nothing changed', async () => {
    const outcome = await objdiff('lines-moved.c');
    expect(outcome).toMatchObject({ exitStatus: 0, text: ['unchanged'] });
  });

  test('explains its decisions', async () => {
    const outcome = await objdiff('static-locals.c', { explain: ['second', 'nobody'] });
    expect(outcome.json.explain).toEqual({
      second: [
        'matched with second (.text.second): same name and linkage',
        expect.stringMatching(/^differs from second: /),
        'kept: changed',
      ],
      nobody: ['no symbol of that name in either object'],
    });
    expect(outcome.text).toContain('second:');
  });

  test('names a file that cannot be read, and one that is no object', async () => {
    const missing = command.run({ pre: '/nowhere/pre.o', post: '/nowhere/post.o' }, silentUi);
    await expect(missing).rejects.toMatchObject({ code: 'io' });
    const text = onFiles(Buffer.from('not an object'), Buffer.from(''));
    await expect(text).rejects.toMatchObject({ code: 'bad-elf' });
  });
});
