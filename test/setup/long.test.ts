// Which of the long tests are run, and what becomes of those that are not: CI has no time for all
// of them, and none may be forgotten, nor be better than it was.

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { execaSync } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../support/scratch.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'long-'));
  mkdirSync(join(folder, 'bin'));
  for (const file of ['test/setup/long.sh', 'test/setup/count.mjs', '.ci/run']) {
    cpSync(join(ROOT, file), join(folder, file));
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

function program(path: string, ...lines: string[]): void {
  writeFileSync(join(folder, path), `#!/bin/bash\n${lines.join('\n')}\n`);
  chmodSync(join(folder, path), 0o755);
}

/** Parts in place of the real ones, each as in parts.sh. */
function parts(...lines: string[]): void {
  writeFileSync(
    join(folder, 'test/setup/parts.sh'),
    `parts() {\n\tcat <<-'END'\n${lines.map((line) => `\t\t${line}\n`).join('')}\tEND\n}\n`,
  );
}

/** What a program of the folder says, and how it ends. */
function run(...args: string[]): { status: number | undefined; lines: string[] } {
  const { exitCode, stdout } = execaSync('bash', args, {
    cwd: folder,
    env: { PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}`, KSPLICE_TEST_TURN: '2' },
    reject: false,
    timeout: 30_000,
  });
  return { status: exitCode, lines: stdout.split('\n') };
}

const results = () => readdirSync(join(folder, '.work/results')).sort();

/** A line of bash that reports one test as vitest does, with a status that may be a variable. */
const report = (file: string, status: string) =>
  `printf '{"testResults":[{"name":"f","status":"%s","message":"","assertionResults":[{"status":"%s","fullName":"a test"}]}]}' ${status} ${status} >${file}`;
/** `npx vitest`, which fails for a file of which the name begins with "bad". */
const VITEST = [
  'for word; do [[ $word != --outputFile.json=* ]] || file=$(cut -d= -f2 <<<"$word"); done',
  'echo "run: $word"',
  '[[ "$*" != *bad* ]] && status=passed || status=failed',
  report('"$file"', '$status'),
  '[[ $status == passed ]]',
];

describe('the parts', () => {
  const list = execaSync('bash', [join(ROOT, 'test/setup/long.sh'), '--list'], { cwd: ROOT });
  const real = list.stdout.split('\n').map((line) => line.trim().split(/ +/));

  it('have a turn, a time, a name of their own, and files that exist', () => {
    for (const [turn, minutes, name, kind, ...words] of real) {
      expect(turn).toMatch(/^[-123]$/);
      expect(Number(minutes)).toBeGreaterThan(0);
      expect(real.filter((other) => other[2] === name)).toHaveLength(1);
      expect(['only', 'more', 'kernel', 'run']).toContain(kind);
      if (kind === 'kernel' || kind === 'run') continue;
      for (const file of words.slice(1)) expect(existsSync(join(ROOT, file)), file).toBe(true);
    }
  });

  it('of one turn fit into what npm test leaves', () => {
    for (const turn of ['1', '2', '3']) {
      const minutes = real.filter((part) => part[0] === turn).map((part) => Number(part[1]));
      expect(minutes.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(55);
    }
  });
});

describe('a run', () => {
  beforeEach(() => {
    program('bin/npx', ...VITEST);
    parts('1 1 a only vm a.test.ts', '2 1 b only vm b.test.ts', '3 1 c only vm c.test.ts');
  });

  const order = (...args: string[]) =>
    run('test/setup/long.sh', ...args)
      .lines.filter((line) => line.startsWith('run: '))
      .map((line) => line[5])
      .join('');

  it('begins with the parts of its turn, and goes on with the others', () => {
    expect([order(), order('--turn', '2'), order('--turn', '3'), order('--turn', '4')]).toEqual([
      'abc',
      'bca',
      'cab',
      'abc',
    ]);
    expect(order('c', 'a')).toBe('ac');
    parts('- 1 z only vm z.test.ts', '1 1 a only vm a.test.ts');
    expect([order('--turn', '2'), order('--within', '9')]).toEqual(['az', 'a']);
  });

  it('begins nothing for which there is no time, and says so', () => {
    parts('1 1 a only vm a.test.ts', '1 9 long only vm long.test.ts', '2 1 b only vm b.test.ts');
    const { status, lines } = run('test/setup/long.sh', '--within', '2');
    expect(status).toBe(0);
    expect(lines).toContainEqual(expect.stringMatching(/^NOT RUN {2}long: it takes 9 minutes, /));
    expect(lines.at(-1)).toMatch(/: npm run test:long -- long$/);
    expect(lines.filter((line) => /^passed {3}[ab]: /.test(line))).toHaveLength(2);
    expect(results()).toEqual(['long-a.begun', 'long-a.json', 'long-b.begun', 'long-b.json']);
    // A slow machine takes longer.
    expect(order('--within', '2', '--slow', '300')).toBe('');
  });

  it('goes on after a failure, and fails', () => {
    parts('1 1 a only vm bad.test.ts', '1 1 b run fuzz', '1 1 c run soak');
    mkdirSync(join(folder, 'test'), { recursive: true });
    program('test/run.sh', '[[ $1 == fuzz ]]');
    const { status, lines } = run('test/setup/long.sh');
    expect(status).toBe(1);
    const ends = lines.filter((line) => /^(passed|FAILED) /.test(line));
    expect(ends.map((line) => line.replace(/:.*/, ''))).toEqual([
      'passed   b',
      'FAILED   a',
      'FAILED   c',
    ]);
    const check = (name: string) => readFileSync(join(folder, `.work/results/long-${name}.check`));
    expect(['a', 'b', 'c'].map((name) => `${check(name)}`.trim())).toEqual([
      'failed',
      'passed',
      'failed',
    ]);
  });

  it('knows nothing of a part that was stopped for want of time', () => {
    parts('1 3 a only vm a.test.ts', '2 3 b only vm b.test.ts');
    program('bin/timeout', '[[ "$*" != *b.test.ts ]] || exit 124', 'shift 2', '"$@"');
    const { status, lines } = run('test/setup/long.sh', '--within', '5');
    expect(status).toBe(0);
    expect(lines).toContainEqual(expect.stringMatching(/^NOT RUN {2}b: not at its end after /));
    expect(results()).not.toContain('long-b.begun');
  });

  it('takes a part for failed that stands still', () => {
    program('bin/timeout', '[[ "$*" != *b.test.ts ]] || exit 124', 'shift 2', '"$@"');
    const { status, lines } = run('test/setup/long.sh', '--within', '9');
    expect(status).toBe(1);
    expect(lines).toContainEqual(expect.stringMatching(/^FAILED {3}b: .*, status 124$/));
    expect(results()).toContain('long-b.begun');
  });
});

describe('what CI runs', () => {
  const RESULTS = '.work/results';
  const counted = 'node test/setup/count.mjs .work/results unit real+vm';
  const bothRan =
    '{"testResults":[{"name":"/test/vm/a","status":"passed","message":"","assertionResults":[{"status":"passed","fullName":"a"}]},{"name":"/test/real/a","status":"passed","message":"","assertionResults":[{"status":"passed","fullName":"a"}]}]}';
  const npm = (...lines: string[]) =>
    program('bin/npm', `mkdir -p ${RESULTS}`, report(`${RESULTS}/unit.json`, 'passed'), ...lines);
  const ends = [`echo '${bothRan}' >${RESULTS}/real+vm.json`, counted];

  it('ends in one verdict of the tests and of the long ones', () => {
    npm(...ends);
    program(
      'test/run.sh',
      'echo "$*"',
      `touch ${RESULTS}/long-a.begun`,
      report(`${RESULTS}/long-a.json`, 'passed'),
      `echo passed >${RESULTS}/long-b.check`,
    );
    const { status, lines } = run('.ci/run');
    expect(lines).toContainEqual(
      expect.stringMatching(/^long --turn 2 --within (77|78) --slow 100$/),
    );
    expect([status, lines.at(-1)]).toEqual([0, '5 passed, 0 failed']);
  });

  it('counts a long part that was begun and left nothing as failed', () => {
    npm(...ends);
    program('test/run.sh', `touch ${RESULTS}/long-a.begun`, 'exit 143');
    const { status, lines } = run('.ci/run');
    expect([status, lines.at(-1)]).toEqual([143, '3 passed, 1 failed']);
  });

  it('counts what is there if the tests were stopped, and runs nothing after them', () => {
    npm('exit 124');
    program('test/run.sh', 'echo long');
    const { status, lines } = run('.ci/run');
    expect(lines).not.toContain('long');
    expect([status, lines.at(-1)]).toEqual([124, '1 passed, 1 failed']);
  });

  it('ends in a verdict although nothing was run', () => {
    program('bin/npm', 'exit 1');
    const { status, lines } = run('.ci/run');
    expect(status).toBe(1);
    expect(lines.at(-1)).toMatch(/^0 passed, [12] failed$/);
  });
});
