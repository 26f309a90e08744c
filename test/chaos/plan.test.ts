// The plan of chaos: what a seed says is done.

import { describe, expect, it } from 'vitest';
import { Choice, LANES, laneActions } from '../vm/chaos/plan.js';
import { UPDATES } from '../vm/chaos/updates.js';

const all = (seed: number) => LANES.map((lane) => laneActions(lane, seed, UPDATES, 2000));

/** The verbs of a lane with what decides about them, without numbers. */
const verbs = (lane: (typeof LANES)[number]) =>
  new Set(laneActions(lane, 7).map((line) => line.split(' ')[2]));

describe('the plan', () => {
  it('is the same for the same seed', () => {
    expect(all(4711)).toEqual(all(4711));
  });

  it('is another one for another seed, in each lane', () => {
    const [one, other] = [all(4711), all(4712)];
    for (const index of LANES.keys()) expect(one[index]).not.toEqual(other[index]);
  });

  it('does not depend on how far it is asked for', () => {
    expect(laneActions('updates', 5, UPDATES, 10)).toEqual(laneActions('updates', 5).slice(0, 10));
  });

  it('has a number, a pause and a verb in each line', () => {
    for (const [index, line] of laneActions('probes', 1, UPDATES, 500).entries()) {
      expect(line).toMatch(new RegExp(`^${index + 1} \\d{1,4} [a-z]+`));
    }
  });

  it('has everything that there is', () => {
    expect(verbs('updates')).toEqual(new Set(['toggle', 'tool', 'try', 'kill', 'view', 'core']));
    expect(verbs('probes')).toEqual(new Set(['probe', 'unprobe', 'optimize']));
    const text = laneActions('updates', 7).join('\n');
    for (const { id } of UPDATES) {
      expect(text).toContain(`toggle ${id}`);
      expect(text).toContain(`kill ${id} KILL`);
      expect(text).toContain(`kill ${id} INT`);
    }
    const watched = laneActions('watchers', 7).join('\n');
    for (const kind of ['samples', 'kprobe ', 'kretprobe ', 'fentry ', 'fexit ']) {
      expect(watched).toContain(kind);
    }
  });
});

describe('a choice', () => {
  it('takes each of a list about as often as any other', () => {
    const choice = new Choice(1);
    const counts = [0, 0, 0, 0, 0];
    for (let index = 0; index < 10_000; index++) counts[choice.below(5)]! += 1;
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });

  it('has no pattern from one to the next', () => {
    const choice = new Choice(2);
    const pairs = new Map<string, number>();
    for (let index = 0; index < 16_000; index++) {
      const pair = `${choice.below(4)} ${choice.below(4)}`;
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    }
    expect(pairs.size).toBe(16);
    for (const count of pairs.values()) expect(Math.abs(count - 1000)).toBeLessThan(200);
  });
});
