// The ways to call create that are wrong before anything is read.

import { describe, expect, it } from 'vitest';
import { readJobs } from '../../src/cli/change-options.js';
import { main } from '../../src/cli/main.js';

async function run(...argv: string[]): Promise<{ status: number; text: string }> {
  let text = '';
  const stream = { write: (more: string) => (text += more) };
  const status = await main(['create', ...argv], { stdout: stream, stderr: stream }, {});
  return { status, text };
}

describe('create', () => {
  const patch = ['--config', 'none', '--patch', 'a.patch'];
  it.each([
    [['--config', 'none'], /no --patch, --diffext or --git/],
    [[...patch, '--git', 'fix'], /more than one source of the change/],
    [[...patch, '--diffext', '.new'], /more than one source of the change/],
    [['--config', 'none', '--git', 'fix', '--patch-opt=-R'], /are for --patch/],
    [['--config', 'none', '--diffext', '.new', '-p1'], /are for --patch/],
    [[...patch, '--module', 'm', '--build-modules'], /--build-modules is not for --module/],
    [['--config', 'none', '--git', 'fix', '--module', 'm'], /--git is not for --module/],
    [[...patch, '--module', 'm', 'tree'], /a source tree is not for --module/],
    [[...patch, '--module', 'm', '--prebuild'], /--prebuild is not for --module/],
    [['--config', 'none', '--diffext', '.new', '--on', 'x'], /--on is for --patch and --git/],
    [['--config', 'none', '--diffext', '.new', '--series'], /--series is for --patch and --git/],
    [[...patch, '--patch-opt=-E'], /--patch-opt: -E is not supported/],
    [[...patch, '--strip', 'x'], /--strip needs a number/],
    [[...patch, '-p', '1.5'], /--strip needs a number from 0 up/],
    [[...patch, '-j0'], /--jobs needs a number from 1 up/],
  ])('refuses %j', async (argv, message) => {
    const { status, text } = await run(...argv);
    expect(text).toMatch(message);
    expect(status).toBe(2);
  });

  it('takes --patch more than once, and the source tree behind it', async () => {
    const { status, text } = await run(...patch, '--patch', 'b.patch', 'tree', '-p1', '-j', '3');
    // All was understood: the configuration directory is what is missing.
    expect(text).toContain('none is no configuration directory');
    expect(status).toBe(1);
  });

  it.each([
    '--patch',
    '--diffext',
    '--git',
    '--strip',
    '--patch-opt',
    '--only-targets',
    '--series',
  ])('has %s in its help', async (option) => {
    const { status, text } = await run('--help');
    expect(text).toMatch(new RegExp(`^.*${option}\\b`, 'm'));
    expect(status).toBe(0);
  });
});

describe('readJobs', () => {
  it('goes by the option, then CONCURRENCY_LEVEL, then the machine', () => {
    expect(readJobs(3, '5')).toBe(3);
    expect(readJobs(undefined, '5')).toBe(5);
    expect(readJobs(undefined, undefined)).toBeGreaterThan(0);
    expect(readJobs(undefined, '')).toBeGreaterThan(0);
  });

  it.each(['many', '0', '1.5', '-2'])('refuses CONCURRENCY_LEVEL=%s', (level) => {
    expect(() => readJobs(undefined, level)).toThrow(/CONCURRENCY_LEVEL needs a number from 1 up/);
  });
});
