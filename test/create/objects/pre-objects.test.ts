// The stamps of pre objects in the cache.

import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isCurrent, writeStamp } from '../../../src/create/objects/pre-objects.js';
import type { Kbuild } from '../../../src/create/tree/kbuild.js';
import type { PreObject } from '../../../src/create/values.js';

let area: string;
let kbuild: Kbuild;
let cache: string;
const NAME = 'net/a.o';

beforeEach(() => {
  area = mkdtempSync(join(tmpdir(), 'ksplice-pre-'));
  const objects = join(area, 'objects');
  cache = join(area, 'pre');
  for (const directory of [objects, cache]) mkdirSync(join(directory, 'net'), { recursive: true });
  for (const name of ['net/a.c', 'net/a.h', NAME, 'net/.a.o.cmd']) {
    writeFileSync(join(objects, name), name);
  }
  writeFileSync(join(cache, NAME), 'sectioned');
  kbuild = { tree: objects, objects, jobs: 1, types: true, headers: {} as Kbuild['headers'] };
  const made = { commands: [], source: 'net/a.c', dependencies: ['net/a.c', 'net/a.h'] };
  const sectioned = join(cache, NAME);
  const object: PreObject = { name: NAME, target: NAME, owners: [], made, plain: '', sectioned };
  writeStamp(kbuild, cache, object);
});
afterEach(() => rmSync(area, { recursive: true, force: true }));

const stamp = () => join(cache, `${NAME}.deps`);

describe('a pre object in the cache', () => {
  it('is of use as long as nothing of it has changed', () => {
    expect(isCurrent(kbuild, cache, NAME)).toBe(true);
    appendFileSync(join(kbuild.objects, 'net/a.h'), 'more');
    expect(isCurrent(kbuild, cache, NAME)).toBe(false);
  });

  it('is of no use without its sectioned object, or with another one', () => {
    appendFileSync(join(cache, NAME), 'more');
    expect(isCurrent(kbuild, cache, NAME)).toBe(false);
    rmSync(join(cache, NAME));
    expect(isCurrent(kbuild, cache, NAME)).toBe(false);
  });

  it('is of no use if its stamp was cut short, or is something else', () => {
    const whole = readFileSync(stamp(), 'utf8');
    for (let length = 0; length < whole.trimEnd().length; length++) {
      writeFileSync(stamp(), whole.slice(0, length));
      expect(isCurrent(kbuild, cache, NAME), `${length} of ${whole.length}`).toBe(false);
    }
    for (const text of ['\0\0\0', 'types\n', '{}', '\n\n\n']) {
      writeFileSync(stamp(), text);
      expect(isCurrent(kbuild, cache, NAME)).toBe(false);
    }
  });
});
