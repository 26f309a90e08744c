import { beforeAll, describe, expect, test } from 'vitest';
import { busyProblems } from '../../src/inspect/allow-busy.js';
import type { Program } from '../../src/program/program.js';
import { fixture, programOf } from '../match/support/programs.js';

let program: Program;

beforeAll(() => {
  const replaced = ['straight', 'looping', 'recursive', 'parent', 'parent.cold', 'traced_loop'];
  program = programOf({ 'busy.o': fixture('busy.S') }, { replaced }).program;
});

const messages = (...names: string[]) =>
  busyProblems([program], names).map(({ code, message }) => `${code}: ${message}`);

describe('busyProblems', () => {
  test.each(['straight', 'recursive'])('lets %s be busy', (name) => {
    expect(messages(name)).toEqual([]);
  });

  test('refuses a loop whose start is written over', () => {
    expect(messages('looping')).toEqual([
      'refused-change: looping cannot be replaced while it is busy: looping+0x7 leads back to the place of the jump to the new code',
    ]);
  });

  test('refuses a loop right behind the call to ftrace', () => {
    expect(messages('traced_loop')).toEqual([expect.stringMatching(/traced_loop\+0x7 leads back/)]);
  });

  test('sees a cold part that comes back', () => {
    expect(messages('parent')).toEqual([expect.stringMatching(/parent\.cold\+0x2 leads back/)]);
  });

  test('refuses what the update does not replace, and says what it does', () => {
    const [problem] = busyProblems([program], ['outside']);
    expect(problem).toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/names outside, and the update does not replace/),
    });
    expect(problem?.advice).toContain('straight');
  });
});
