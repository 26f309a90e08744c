import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describePatch } from '../../../src/create/change/describe-patch.js';
import { chooseId } from '../../../src/create/modules/pack.js';
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
