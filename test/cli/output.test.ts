import { afterEach, describe, expect, it, vi } from 'vitest';
import { KspliceError, problemsError, refusedChange } from '../../src/base/errors.js';
import { Console, toKspliceError } from '../../src/cli/output.js';

const QUIET = { json: false, verbose: false, quiet: true };
const NORMAL = { json: false, verbose: false, quiet: false };
const JSON_ONLY = { json: true, verbose: false, quiet: false };
const NEVER = new AbortController().signal;

function consoleWith(options: typeof NORMAL, terminal: boolean, env: NodeJS.ProcessEnv = {}) {
  const text = { out: '', err: '' };
  const streams = {
    stdout: { write: (part: string) => (text.out += part), isTTY: terminal },
    stderr: { write: (part: string) => (text.err += part), isTTY: terminal, columns: 40 },
  };
  return { text, console: new Console(streams, options, NEVER, env) };
}

afterEach(() => void vi.useRealTimers());

describe('Console', () => {
  it('writes plain lines to what is no terminal', () => {
    const { text, console } = consoleWith(NORMAL, false);
    console.stage('building');
    console.progress(1, 2, 'a.o');
    console.info('a line');
    console.detail('not shown');
    console.warn('look');
    console.finish({ json: {}, text: ['done'] });
    expect(text).toEqual({ out: 'done\n', err: 'building\na line\nwarning: look\n' });
  });

  it.each([true, false])('tells how long the rest will take (terminal: %s)', (terminal) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { text, console } = consoleWith(NORMAL, terminal);
    console.stage('a');
    console.progress(0, 300, 'x');
    for (let done = 1; done <= 30; done++) {
      vi.advanceTimersByTime(2000);
      console.progress(done, 300, 'x');
    }
    // The same objects once more, faster; the last ones are not worth a word.
    vi.advanceTimersByTime(40_000);
    console.progress(1, 300, 'x');
    vi.advanceTimersByTime(29_900);
    console.progress(299, 300, 'x');
    const lines = text.err.split(terminal ? '\r\x1b[K' : '\n').filter(Boolean);
    if (terminal) {
      expect(lines).toContain('a [15/300], about 10 min left x');
      expect(lines.at(-1)).toBe('a [299/300] x');
    } else {
      // No more than one in half a minute.
      expect(lines).toEqual([
        'a',
        '  15 of 300, about 10 min left',
        '  30 of 300, about 9 min left',
        '  1 of 300',
      ]);
    }
  });

  it('keeps one line up to date on a terminal, and takes it away in the end', () => {
    const { text, console } = consoleWith(NORMAL, true);
    console.stage('building');
    console.progress(1, 2, `net/${'x'.repeat(60)}.o`);
    console.info('a line');
    console.finish({ json: {}, text: ['done'] });
    const shown = screen(text.err);
    expect(shown).toEqual(['a line', '']);
    expect(text.err).toContain('building [1/2] net/');
    // Nothing longer than the line: it would scroll instead of being written over.
    const parts = text.err.split('\n').flatMap((line) => line.split('\r\x1b[K'));
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(40);
  });

  it('colours parts of a result on a terminal only, and nothing that they hold', () => {
    const shown = (terminal: boolean, env: NodeJS.ProcessEnv) => {
      const { text, console } = consoleWith(NORMAL, terminal, env);
      console.finish({ json: {}, text: [['a ', ['green', 'b\x1b[2J'], ' c']] });
      return text.out;
    };
    expect(shown(true, {})).toBe('a \x1b[32mb\\x1b[2J\x1b[0m c\n');
    expect(shown(true, { NO_COLOR: '1' })).toBe('a b\\x1b[2J c\n');
    expect(shown(true, { TERM: 'dumb' })).toBe('a b\\x1b[2J c\n');
    expect(shown(false, {})).toBe('a b\\x1b[2J c\n');
  });

  it('colours on a terminal only, and not with NO_COLOR or a dumb one', () => {
    const paints = (terminal: boolean, env: NodeJS.ProcessEnv) => {
      const { text, console } = consoleWith(NORMAL, terminal, env);
      console.warn('x');
      return text.err.includes('\x1b[33m');
    };
    expect(paints(true, {})).toBe(true);
    expect(paints(true, { NO_COLOR: '1' })).toBe(false);
    expect(paints(true, { TERM: 'dumb' })).toBe(false);
    expect(paints(false, {})).toBe(false);
  });

  it('says only what is wrong with -q', () => {
    const { text, console } = consoleWith(QUIET, false);
    console.stage('building');
    console.info('a line');
    console.warn('look');
    console.fail(new KspliceError('busy', 'no', { advice: 'wait' }));
    expect(text.err).toBe('warning: look\nerror: no (busy)\n  wait\n');
  });

  it('lets nothing foreign act on the terminal', () => {
    for (const terminal of [true, false]) {
      const { text, console } = consoleWith(NORMAL, terminal, { NO_COLOR: '1' });
      const evil = 'x\x1b[2J\x1b]0;title\x07\x9b1m\r';
      console.warn(evil);
      console.stage(evil);
      console.fail(problemsError('bad-update', evil, [{ code: 'io', message: evil }]));
      const rest = text.err.replaceAll('\r\x1b[K', '');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(rest).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    }
    const { text, console } = consoleWith(NORMAL, true);
    console.finish({ json: {}, text: ['\x1b[2J'] });
    expect(text.out).toBe('\\x1b[2J\n');
  });

  it('gives a pipe the exact text', () => {
    const { text, console } = consoleWith(NORMAL, false);
    console.finish({ json: {}, text: ['+\x0c form feed in a patch', '+a\r\n+\u200bb\r'] });
    expect(text.out).toBe('+\x0c form feed in a patch\n+a\r\n+\u200bb\r\n');
  });

  it('lets nothing foreign act on a terminal behind a pipe', () => {
    const evil = '\x1b]0;title\x07\x9b2Jinnocent\rguilty\x7f';
    const { text, console } = consoleWith(NORMAL, false);
    console.finish({ json: {}, text: [evil] });
    expect(text.out).toBe('\\x1b]0;title\\x07\\x9b2Jinnocent\\x0dguilty\\x7f\n');
    const script = consoleWith(JSON_ONLY, false);
    script.console.finish({ json: { description: evil }, text: [] });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(script.text.out.trimEnd()).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
    expect(JSON.parse(script.text.out)).toEqual({ ok: true, description: evil });
  });

  it('shows what would turn a line round', () => {
    const { text, console } = consoleWith(NORMAL, true);
    console.finish({ json: {}, text: ['if (\u202e) \u2066x'] });
    expect(text.out).toBe('if (\\u202e) \\u2066x\n');
  });

  it('lists several problems, each with its advice, and a single one once', () => {
    const problems = [
      { code: 'not-root' as const, message: 'not root', advice: 'sudo' },
      { code: 'wrong-kernel' as const, message: 'wrong kernel' },
    ];
    const several = consoleWith(NORMAL, false);
    several.console.fail(problemsError('checks-failed', 'no way', problems));
    expect(several.text.err).toBe(
      'error: no way: 2 problems (checks-failed)\n  - not root\n    sudo\n  - wrong kernel\n',
    );
    const single = consoleWith(NORMAL, false);
    single.console.fail(problemsError('checks-failed', 'no way', problems.slice(0, 1)));
    expect(single.text.err).toBe('error: no way: not root (not-root)\n  sudo\n');
  });

  it('gives an advice once to problems in a row that have the same', () => {
    const problem = (message: string, advice: string) => ({
      code: 'data-changed' as const,
      object: 'a.o',
      symbol: 'x',
      message,
      advice,
    });
    const error = refusedChange([
      problem('one', 'hook'),
      problem('two', 'hook'),
      problem('three', 'other'),
    ]);
    const { text, console } = consoleWith(NORMAL, false);
    console.fail(error);
    expect(text.err).toBe(
      'error: the running kernel cannot take this change: 3 problems (refused-change)\n  - one\n  - two\n    hook\n  - three\n    other\n',
    );
    const single = consoleWith(NORMAL, false);
    single.console.fail(refusedChange([problem('one', 'hook')]));
    expect(single.text.err).toBe('error: one (refused-change)\n  hook\n');
  });

  it('prints one object with --json, whatever it holds', () => {
    const { text, console } = consoleWith(JSON_ONLY, false);
    console.finish({ json: { address: 0xffffffff81000000n, text: 'a\nb' }, text: ['not shown'] });
    expect(text.out).toBe('{"ok":true,"address":"0xffffffff81000000","text":"a\\nb"}\n');
  });
});

describe('toKspliceError', () => {
  it('keeps refusals, and calls all else a bug of ours', () => {
    const refusal = new KspliceError('busy', 'no');
    expect(toKspliceError(refusal, NEVER)).toBe(refusal);
    expect(toKspliceError(new TypeError('x is undefined'), NEVER)).toMatchObject({
      code: 'internal',
      exitStatus: 1,
      message: 'this is a bug in ksplice-ts: x is undefined',
    });
    expect(toKspliceError('just text', NEVER).code).toBe('internal');
  });

  it('calls what an interruption broke an interruption', () => {
    const aborted = AbortSignal.abort();
    const killed = new KspliceError('compile-failed', 'gcc was killed');
    expect(toKspliceError(killed, aborted)).toMatchObject({
      code: 'interrupted',
      details: { during: 'compile-failed', message: 'gcc was killed' },
    });
    const own = new KspliceError('interrupted', 'the kernel is unchanged');
    expect(toKspliceError(own, aborted)).toBe(own);
  });
});

/** What a terminal shows after these bytes, as lines. */
function screen(bytes: string): string[] {
  return bytes.split('\n').map((line) => line.split('\r\x1b[K').at(-1) as string);
}
