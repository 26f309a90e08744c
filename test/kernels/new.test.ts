// What is told of a kernel that is new: each step is taken whatever failed before, and the end says in the
// tool's words what differs.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../support/scratch.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'new-kernel-'));
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'cache/kernels'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** In place of what fetches a kernel, and of the steps. */
const STUBS = `
own_suite() { printf bookworm; }
update_package_lists() { :; }
source_package() { printf linux-source-6.12; }
choose_kernel() { echo "chosen: \${*:2} \${KSPLICE_TEST_RELEASE-newest}"; }
kernel_field() { [[ $1 == release ]] && echo 6.12.9-amd64 || echo 6.12.9-1; }
make_root() { :; }
in_root() { echo "in a root: $*"; }
new_configure() { echo fine; }
new_core() { :; }
new_corpus() { :; }
new_sctp() { :; }
new_tcp() { :; }
`;

interface Ended {
  status: number | undefined;
  lines: string[];
  /** of them those of the end */
  seen: string[];
}

/** A line of bash after all parts were read, in a folder with the parts that it needs. */
function run(line: string, stubs = ''): Ended {
  const parts = ['setup/say', 'setup/packages', 'setup/kernels'];
  const own = ['fetch', 'self-built', 'roots', 'series', 'new'].map((name) => `kernels/${name}`);
  const read = [...parts, ...own].map((name) => `. ${ROOT}/test/${name}.sh`).join('\n');
  mkdirSync(join(folder, 'test/kernels'), { recursive: true });
  const words = `node() { command node "\${1/#test/${ROOT}/test}" "\${@:2}"; }`;
  const script = `set -euo pipefail\n${read}\n${STUBS}\n${words}\n${stubs}\ncache=${folder}/cache\n${line}`;
  const { exitCode, stdout, stderr } = execaSync('bash', ['-c', script], {
    cwd: folder,
    env: { PATH: `${join(folder, 'bin')}:${process.env.PATH}` },
    reject: false,
  });
  const lines = `${stderr}\n${stdout}`.split('\n');
  const end = lines.indexOf('== 6.12.9-amd64 (6.12.9-1)');
  return { status: exitCode, lines, seen: end < 0 ? [] : lines.slice(end + 1, -1) };
}

describe('a kernel that is new', () => {
  it('takes all steps, and passes', () => {
    const { status, lines, seen } = run('new_kernel 6.12');
    expect(status).toBe(0);
    expect(lines).toContain('chosen: 6.12 6.12 - newest');
    expect(seen).toEqual(
      ['configure', 'core', 'corpus', 'sctp', 'tcp'].map((step) => `passed   ${step}`),
    );
  });

  it('goes on after a failure, and ends with what the tool said', () => {
    const { status, seen } = run(
      'new_kernel 6.12',
      `new_configure() { echo looking; echo 'error: it has no ORC (kernel-mismatch)'; echo '  Build one.'; return 1; }
       new_core() { echo 'a.c:1: error: no such member'; die 'it does not compile'; }
       new_corpus() { echo fetching; say 'there is no other version'; return 77; }`,
    );
    expect(status).toBe(1);
    expect(seen).toEqual([
      'failed   configure  error: it has no ORC (kernel-mismatch)',
      '      Build one.',
      'failed   core       a.c:1: error: no such member',
      '    it does not compile',
      'skipped  corpus     there is no other version',
      'passed   sctp',
      'passed   tcp',
    ]);
  });

  it('leaves out what it is told to', () => {
    const stubs = 'new_corpus() { false; }; new_tcp() { false; }';
    const { status, seen } = run('new_kernel --without corpus 6.12 --without tcp', stubs);
    expect(status).toBe(0);
    expect(seen.filter((line) => line.startsWith('skipped'))).toEqual([
      'skipped  corpus     --without corpus',
      'skipped  tcp        --without tcp',
    ]);
  });

  it('is found by its release, and in a cache that has it', () => {
    const release = '6.12.9+deb12-rt-amd64';
    const chosen = () => run(`new_kernel ${release}`).lines.find((line) => /^chosen/.test(line));
    expect(chosen()).toBe(`chosen: ${release} 6.12 rt ${release}`);
    mkdirSync(join(folder, 'cache/kernels/rt'));
    const file = join(folder, 'cache/kernels/rt/kernel.json');
    writeFileSync(file, JSON.stringify({ release: `${release}x` }, null, 2));
    expect(chosen()).toBe(`chosen: ${release} 6.12 rt ${release}`);
    writeFileSync(file, JSON.stringify({ release, version: '1' }, null, 2));
    expect(chosen()).toBe(`chosen: rt 6.12 rt ${release}`);
  });

  it('of another release of Debian is looked at in a root of that', () => {
    const { status, lines } = run('new_kernel --suite trixie newest');
    const words = 'bash test/run.sh newkernel --suite trixie newest';
    expect([status, lines]).toEqual([
      0,
      expect.arrayContaining([`in a root: trixie ${folder}/cache ${words}`]),
    ]);
    const inside = run('new_kernel --suite trixie newest', 'own_suite() { printf trixie; }');
    expect(inside.lines).toContain('chosen: trixie-newest newest - newest');
  });

  it.each(['', 'linux', '6.12 6.13', '--without 6.12', '--without all 6.12', '--fast 6.12'])(
    'is not looked at for the words "%s"',
    (words) => {
      const { status, lines } = run(`new_kernel ${words}`);
      expect([status, lines[0]]).toEqual([
        1,
        expect.stringMatching(/^usage: npm run newkernel --/),
      ]);
    },
  );
});

describe('a release', () => {
  it.each([
    ['6.12.117+deb12-amd64', '6.12', '-'],
    ['6.1.0-57-cloud-amd64', '6.1', 'cloud'],
    ['7.3.4+deb13-rt-amd64', '7.3', 'rt'],
    ['newest', 'newest', '-'],
  ])('%s has a series and a flavour', (release, series, flavour) => {
    const { lines } = run(`series_of ${release}; flavour_of ${release}`);
    expect(lines.slice(-2)).toEqual([series, flavour]);
  });

  it('that is asked for is the one that is taken', () => {
    const { lines } = run(
      'releases_of_series linux-source-6.12',
      'KSPLICE_TEST_RELEASE=6.12.9-amd64',
    );
    expect(lines.at(-1)).toBe('6.12.9-amd64');
  });
});

describe('the step', () => {
  const REAL = `. ${ROOT}/test/kernels/new.sh; own_suite() { printf bookworm; }; update_package_lists() { :; }
    new_configure() { :; }; new_core() { :; }; new_sctp() { :; }`;
  const npx = (...lines: string[]) => {
    writeFileSync(join(folder, 'bin/npx'), `#!/bin/bash\n${lines.join('\n')}\n`);
    chmodSync(join(folder, 'bin/npx'), 0o755);
  };
  const steps = (line: string, stubs = '') => run(line, `${REAL}\n${stubs}`).seen;

  it('corpus needs another version of the series', () => {
    npx('exit 0');
    const seen = steps(
      'new_kernel --without tcp 6.12',
      'versions_of() { echo 6.12.9-1; echo 6.12.9-2; }',
    );
    expect(seen).toContain(
      'skipped  corpus     the archive has no other version of linux-source-6.12 than 6.12.9-1',
    );
  });

  it('corpus fails for a file that should have become an update, and not for a refusal', () => {
    const rows = [
      { patch: 'a.c', verdict: 'refused', code: 'data-changed', message: 'no' },
      { patch: 'b.c', verdict: 'failed', code: 'no-match', message: 'b+0x3: other bytes' },
    ];
    const corpus = (failed: number) => {
      const byVerdict = { updated: 3, refused: 1, failed };
      const sums = { total: 4 + failed, byVerdict };
      const text = JSON.stringify({ sums, rows: rows.slice(0, 1 + failed) }, null, 2);
      writeFileSync(join(folder, 'corpus.json'), text);
      npx(
        'while [[ $1 != --output ]]; do shift; done',
        `mkdir -p $2; cp ${folder}/corpus.json $2/corpus.json`,
      );
      return steps(
        'new_kernel --without tcp 6.12',
        'versions_of() { echo 6.12.9-1; echo 6.12.8-1; }',
      );
    };
    expect(corpus(0)).toContain('passed   corpus     4 files: 3 updated, 1 refused');
    const seen = corpus(1);
    expect(seen.slice(2, 4)).toEqual([
      'failed   corpus     5 files: 3 updated, 1 refused, 1 failed',
      '    b.c: b+0x3: other bytes (no-match)',
    ]);
  });

  it('tcp ends with the error of the tool that its test has met', () => {
    const error = { code: 'no-match', message: 'tcp_v4_rcv+0x9: expected 90, found cc' };
    const message = `Error: ksplice-ts create failed:\n${JSON.stringify({ ok: false, error })}\n\n    at ksplice`;
    const test = { status: 'failed', fullName: 'the tcp example', failureMessages: [message] };
    const left = { status: 'skipped', fullName: 'another', failureMessages: [] };
    const file = {
      status: 'failed',
      name: 't',
      message: 'no guest',
      assertionResults: [test, left],
    };
    writeFileSync(join(folder, 'tests.json'), JSON.stringify({ testResults: [file] }));
    npx(
      'for word; do [[ $word != --outputFile.json=* ]] || file=$(cut -d= -f2 <<<"$word"); done',
      `cp ${folder}/tests.json $file; exit 1`,
    );
    expect(steps('new_kernel --without corpus 6.12').slice(-4)).toEqual([
      'failed   tcp        the tcp example: failed',
      '    tcp_v4_rcv+0x9: expected 90, found cc (no-match)',
      '    another: skipped',
      '    no guest',
    ]);
  });
});
