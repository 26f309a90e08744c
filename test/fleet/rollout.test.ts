// The playbooks of ansible/ on fleets that do not exist. What a stock kernel says is not tried here.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Behaviour, Fleet } from './fleet.js';

const WAVES = ['-e', '{"ksplice_waves": [1, 2]}'];
let fleet: Fleet;
const of = (hosts: Record<string, Behaviour>) => {
  fleet = new Fleet(hosts);
  return fleet;
};
afterEach(() => fleet?.remove());

describe('a rollout', { timeout: 240_000 }, () => {
  it('goes canary first, then wave by wave; once more, it changes nothing; undo takes it back', async () => {
    of({ a: {}, b: {}, c: {} });
    const first = await fleet.rollout(...WAVES).done;
    expect(first.output).toContain('Went through. 3 applied.');
    expect(first.code).toBe(0);
    expect(fleet.calls().slice(0, 2)).toEqual(['apply a', 'apply b']);
    expect(readFileSync(join(fleet.directory, 'rollout/report.html'), 'utf8')).toContain(
      '<td>a<td>applied<td>1',
    );
    const again = await fleet.rollout(...WAVES).done;
    expect(again.code).toBe(0);
    expect(fleet.states()).toEqual({ a: 'had', b: 'had', c: 'had' });
    expect(fleet.calls()).toHaveLength(3);
    expect(
      (await fleet.run(['ksplice_ts.fleet.undo', '-e', 'ksplice_id=stubbed1']).done).code,
    ).toBe(0);
    expect(fleet.calls().slice(3).sort()).toEqual(['undo a', 'undo b', 'undo c']);
  });

  it('changes nothing if the update does not fit one host, and names it', async () => {
    of({ a: {}, b: { fits: false }, c: { withdrawn: true } });
    const { code, output } = await fleet.rollout().done;
    expect(code).not.toBe(0);
    expect(output).toContain('the update does not fit b, c');
    expect(fleet.report().c?.error).toContain('ksplice-ts clear stubbed1');
    expect(fleet.report().b?.error).toContain('another build');
    expect(fleet.calls()).toEqual([]);
  });

  it('leaves alone the hosts for which a set has nothing, and brings the whole set to the others', async () => {
    of({ a: { needs: false }, b: {} });
    mkdirSync(join(fleet.directory, 'ksplice-set-stub'));
    writeFileSync(
      join(fleet.directory, 'ksplice-set-stub/index.json'),
      'the stub does not read it',
    );
    const set = `ksplice_update=${fleet.directory}/ksplice-set-stub`;
    const { code, output } = await fleet.rollout('-e', set).done;
    expect(output).toContain('Went through. 1 applied, 1 not needed.');
    expect(code).toBe(0);
    expect(fleet.calls()).toEqual(['apply b']);
    expect(existsSync(join(fleet.directory, 'cache/ksplice-set-stub/index.json'))).toBe(true);
  });

  it('counts a host as failed on which the update does not run after all', async () => {
    of({ a: { after: 'gone' }, b: {} });
    await fleet.rollout().done;
    expect(fleet.report().a).toMatchObject({
      state: 'failed',
      error: 'the update does not run any more',
    });
    expect(fleet.calls()).not.toContain('apply b');
  });

  it('stops at the canary, and takes nothing further', async () => {
    of({ a: { after: 'unhealthy' }, b: {}, c: {} });
    const { code } = await fleet.rollout(...WAVES).done;
    expect(code).not.toBe(0);
    expect(fleet.calls()).toEqual(['apply a', 'undo a']);
    expect(fleet.states()).toEqual({ a: 'failed', b: 'waiting', c: 'waiting' });
  });

  it('takes back from the newest wave to the oldest when too many fail, and only what it applied', async () => {
    of({ a: {}, b: {}, c: {}, d: { apply: 'refused' }, e: {} });
    writeFileSync(join(fleet.directory, 'state/b'), '');
    const { code } = await fleet.rollout(...WAVES).done;
    expect(code).not.toBe(0);
    const calls = fleet.calls();
    expect(calls.filter((call) => call.startsWith('undo'))).toEqual(['undo c', 'undo a']);
    expect(fleet.states()).toEqual({
      a: 'taken back',
      b: 'had',
      c: 'taken back',
      d: 'failed',
      e: 'waiting',
    });
  });

  it('goes on where fewer fail than may, and still ends as failed', async () => {
    of({ a: {}, b: { apply: 'refused' }, c: {}, d: {} });
    const { code, output } = await fleet.rollout(
      '-e',
      '{"ksplice_waves": ["100%"]}',
      '-e',
      'ksplice_max_fail=40',
    ).done;
    expect(code).not.toBe(0);
    expect(output).toContain('Went through. 3 applied, 1 failed.');
    expect(fleet.calls().filter((call) => call.startsWith('undo'))).toEqual([]);
  });

  it('names a host that is down, and leaves it out if that is allowed', async () => {
    of({ a: {}, b: { down: true }, c: {} });
    const { output } = await fleet.rollout().done;
    expect(output).toContain('cannot be reached: b');
    expect(fleet.calls()).toEqual([]);
    await fleet.rollout('-e', 'ksplice_max_down=40').done;
    expect(fleet.states()).toEqual({ a: 'applied', b: 'down', c: 'applied' });
  });

  it('refuses a second one, and after the death of the first goes on where it was', async () => {
    of({ a: {}, b: { delay: 600 }, c: {} });
    const first = fleet.rollout('-e', '{"ksplice_waves": [1]}');
    await waitFor(() => fleet.calls().includes('apply a') && waves() === 2);
    const second = await fleet.rollout().done;
    expect(second.code).not.toBe(0);
    expect(second.output).toContain('another rollout is at work');
    first.kill();
    await first.done;
    fleet.behave({ c: { apply: 'refused' } });
    await fleet.rollout('-e', '{"ksplice_waves": [1]}').done;
    // `a` was applied by the run that died: it is this rollout's, so the stop takes it back.
    expect(fleet.calls()).toEqual(['apply a', 'apply b', 'refused c', 'undo b', 'undo a']);
  });
});

function waves(): number {
  const file = join(fleet.directory, 'rollout/journal.json');
  if (!existsSync(file)) return 0;
  return (JSON.parse(readFileSync(file, 'utf8')) as { waves: unknown[] }).waves.length;
}

async function waitFor(condition: () => boolean): Promise<void> {
  const until = Date.now() + 120_000;
  while (!condition()) {
    if (Date.now() > until) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
