// What every command has in common. Commands run in this process; what only
// the whole program shows (signals, start-up) is in program.test.ts.

import { describe, expect, it } from 'vitest';
import { commandNames, loadCommand } from '../../src/cli/commands.js';
import { main } from '../../src/cli/main.js';

interface Result {
  status: number;
  stdout: string;
  stderr: string;
}

async function run(argv: readonly string[], { terminal = false, env = {} } = {}): Promise<Result> {
  let stdout = '';
  let stderr = '';
  const status = await main(
    argv,
    {
      stdout: { write: (text) => (stdout += text), isTTY: terminal, columns: 80 },
      stderr: { write: (text) => (stderr += text), isTTY: terminal, columns: 80 },
    },
    env,
  );
  return { status, stdout, stderr };
}

/** The one object on stdout. */
function objectIn({ stdout }: Result): { ok: boolean; error?: Record<string, unknown> } {
  expect(stdout.endsWith('\n')).toBe(true);
  expect(stdout.trimEnd()).not.toContain('\n');
  return JSON.parse(stdout);
}

const WRONG_CALLS: [string, string[], RegExp][] = [
  ['no command', ['-v'], /no command given/],
  ['an unknown command', ['frobnicate'], /there is no command "frobnicate"/],
  ["a name from Object's prototype", ['constructor'], /there is no command "constructor"/],
  ['an unknown option', ['view', '--frob'], /unknown argument: frob/i],
  ['an unknown option before the command', ['--frob', 'view'], /unknown argument: frob/i],
  ['a missing argument', ['undo'], /an argument is missing/],
  ['one argument too many', ['undo', 'a', 'b'], /unknown argument: b/i],
  ['an option twice', ['view', '--id', 'a', '--id', 'b'], /--id is given more than once/],
  ['an argument and its option', ['view', 'a', '--id', 'b'], /id is given twice: a and --id b/],
  ['the same with =', ['undo', '--id=b', 'a'], /id is given twice: a and --id b/],
  ['an option without its value', ['view', '--id'], /--id needs a value/],
  ['a word for a number', ['undo', 'a', '--timeout', 'x'], /--timeout needs a number/],
  ['options that exclude each other', ['view', '--id', 'a', '--file', 'b'], /mutually exclusive/],
  ['an id that leads elsewhere', ['undo', '../../x'], /cannot be the id of an update/],
];

describe('the command line', () => {
  it.each(WRONG_CALLS)('refuses %s with status 2', async (_what, argv, message) => {
    const { status, stdout, stderr } = await run(argv);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).toContain('(usage)');
    expect(stderr).not.toContain('    at ');
  });

  it.each(WRONG_CALLS)('tells --json of %s in one object', async (_what, argv, message) => {
    const result = await run([...argv.slice(0, 1), '--json', ...argv.slice(1)]);
    expect(result.status).toBe(2);
    expect(objectIn(result)).toEqual({
      ok: false,
      error: {
        code: 'usage',
        message: expect.stringMatching(message),
        advice: expect.stringMatching(/./),
        details: null,
      },
    });
  });

  it('prints a version', async () => {
    expect(await run(['--version'])).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
  });

  it('lists all commands when nothing is asked, and for --help', async () => {
    for (const argv of [[], ['--help'], ['-h']]) {
      const { status, stdout } = await run(argv);
      expect(status).toBe(0);
      for (const name of commandNames) expect(stdout).toContain(`ksplice-ts ${name}`);
    }
    const help = objectIn(await run(['--help', '--json']));
    expect(help).toMatchObject({ ok: true, help: expect.stringContaining('ksplice-ts apply') });
  });

  it.each(commandNames)('explains %s, with an example', async (name) => {
    const command = await loadCommand(name);
    expect(command?.usage.split(' ')[0]).toBe(name);
    const { status, stdout } = await run([name, '--help']);
    expect(status).toBe(0);
    expect(stdout).toContain(command?.describe as string);
    expect(stdout).toContain('Examples:');
    expect(command?.examples.map(([example]) => example).join('\n')).toContain(
      `ksplice-ts ${name}`,
    );
  });

  it('takes an id that looks like a number as it is', async () => {
    const ids = ['12345678', '1e5', '007'];
    for (const [id, words] of ids.flatMap((id) => [
      [id, ['--id', id]] as const,
      [id, [id]] as const,
    ])) {
      const result = await run(['view', '--json', ...words]);
      expect(objectIn(result).error).toMatchObject({
        code: 'not-applied',
        message: expect.stringContaining(` ${id} `),
      });
    }
  });

  it('fails with status 1 and the reason, without a stack', async () => {
    const plain = await run(['view', '--file', '/nonexistent.tar.gz', '-v']);
    expect(plain.status).toBe(1);
    expect(plain.stdout).toBe('');
    expect(plain.stderr).toContain('error: /nonexistent.tar.gz does not exist (io)\n');
    expect(plain.stderr).not.toContain('    at ');
    const json = await run(['view', '--file', '/nonexistent.tar.gz', '--json']);
    expect(json.status).toBe(1);
    expect(objectIn(json)).toMatchObject({ ok: false, error: { code: 'io' } });
  });
});
