import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentUi } from '../../../src/base/ui.js';
import { describePatch } from '../../../src/create/change/describe-patch.js';
import { checkOutput, chooseId } from '../../../src/create/modules/pack.js';
import { createUpdate } from '../../../src/create/pipeline.js';
import {
  isModuleName,
  isUpdateId,
  moduleNames,
  modulePrefix,
} from '../../../src/update/contents.js';

describe('chooseId', () => {
  it('takes good ones, makes different ones', () => {
    expect(chooseId('cve20261')).toBe('cve20261');
    const made = new Set(Array.from({ length: 50 }, () => chooseId(undefined)));
    expect(made.size).toBe(50);
    for (const id of made) expect(isUpdateId(id)).toBe(true);
  });

  it.each(['', 'UPPER', 'a-b', '../x', 'a'.repeat(17)])('refuses %j', (id) => {
    expect(() => chooseId(id)).toThrow(/cannot be an update's id/);
  });
});

describe('checkOutput', () => {
  it('refuses at once what no update can be put into', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ksplice-pack-'));
    try {
      writeFileSync(join(folder, 'file'), '');
      mkdirSync(join(folder, 'ksplice-x1.tar.gz'));
      const refusal = (output: string) => {
        try {
          checkOutput(output, 'x1');
        } catch (error) {
          return error;
        }
      };
      expect(refusal(join(folder, 'file'))).toMatchObject({
        code: 'usage',
        message: `${join(folder, 'file')} is there, and is no directory`,
      });
      expect(refusal(folder)).toMatchObject({ code: 'usage' });
      const advice = 'Give another directory with --output.';
      for (const place of ['/proc/x', join(folder, 'file/below'), '/proc']) {
        expect(refusal(place), place).toMatchObject({ code: 'io', advice });
      }
      expect(refusal(join(folder, 'new/deep'))).toBeUndefined();
      expect(readdirSync(folder).sort()).toEqual(['file', 'ksplice-x1.tar.gz']);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('createUpdate', () => {
  it('tries the place for the update before anything else', async () => {
    const options = { patch: 'none.patch', confdir: '/nonexistent', jobs: 1, output: '/proc/x' };
    await expect(createUpdate(options, silentUi)).rejects.toMatchObject({ code: 'io' });
  });
});

describe('moduleNames', () => {
  it('are what the contents of an update allow, however long the target is', () => {
    const id = 'a'.repeat(16);
    const targets = [
      'vmlinux',
      'snd_soc_sof_intel_hda_common_and_more',
      'snd_soc_sof_intel_hda_common_and_else',
    ];
    const names = targets.flatMap((target) => Object.values(moduleNames(id, target)));
    expect(new Set(names).size).toBe(6);
    for (const name of names) {
      expect(isModuleName(name)).toBe(true);
      expect(name.startsWith(modulePrefix(id))).toBe(true);
    }
    expect(moduleNames('x1', 'sctp')).toEqual({
      newModule: 'ksplice_x1_sctp_new',
      oldModule: 'ksplice_x1_sctp_old',
    });
  });
});

describe('describePatch', () => {
  it.each([
    [
      'From: a\nSubject: [PATCH net v2 1/3] sctp: be\n quiet\nDate: today\n\nText.\n---\n',
      'sctp: be quiet',
    ],
    ['--- a/x\n+++ b/x\n', 'fix.patch'],
    ['Text\n\ndiff --git a/x b/x\nSubject: not this\n', 'fix.patch'],
  ])('%j', (text, description) => {
    const directory = mkdtempSync(join(tmpdir(), 'ksplice-pack-'));
    try {
      writeFileSync(join(directory, 'fix.patch'), text);
      expect(describePatch(join(directory, 'fix.patch'))).toBe(description);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
