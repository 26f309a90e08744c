import { describe, expect, it } from 'vitest';
import { silentUi } from '../../../src/base/ui.js';
import { WantedTargets } from '../../../src/create/objects/wanted-targets.js';

const object = (name: string, ...owners: string[]) => ({
  name,
  target: name,
  owners,
  modules: [],
});
const OBJECTS = [
  object('net/a.o', 'vmlinux'),
  object('net/b.o', 'nf_nat'),
  object('net/c.o', 'nf_nat', 'nf_log'),
];

function choose(...names: string[]) {
  const warnings: string[] = [];
  const ui = { ...silentUi, warn: (text: string) => warnings.push(text) };
  const wanted = new WantedTargets(names);
  const chosen = wanted.choose(OBJECTS, ui).map((one) => wanted.narrow(one));
  return { chosen: chosen.map(({ name, owners }) => [name, ...owners]), warnings };
}

describe('WantedTargets', () => {
  it('is all, if none is named', () => {
    expect(choose().chosen).toEqual(OBJECTS.map(({ name, owners }) => [name, ...owners]));
  });

  it('takes names of modules as files and people write them', () => {
    const both = [
      ['net/b.o', 'nf_nat'],
      ['net/c.o', 'nf_nat'],
    ];
    for (const name of ['nf_nat', 'nf-nat', 'nf-nat.ko']) expect(choose(name).chosen).toEqual(both);
  });

  it('says what keeps the old code', () => {
    expect(choose('vmlinux').warnings).toEqual([
      expect.stringMatching(/^nf_nat, nf_log may|^nf_log, nf_nat may/),
    ]);
    expect(choose('vmlinux', 'nf_nat', 'nf_log').warnings).toEqual([]);
  });

  it('refuses a target that the change does not get into, and says which there are', () => {
    expect(() => choose('sctp')).toThrow(
      expect.objectContaining({
        code: 'no-changes',
        details: { targets: ['vmlinux', 'nf_log', 'nf_nat'] },
      }),
    );
  });
});
