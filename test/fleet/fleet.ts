// A fleet of hosts that do not exist: the real Ansible with the real playbooks, connection local,
// and in place of the tool a stub that answers from a table (stub-tool.py).

import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

export interface Behaviour {
  readonly fits?: false;
  /** A set says that its kernel is as it should be. */
  readonly needs?: false;
  readonly apply?: 'refused';
  readonly after?: 'unhealthy' | 'gone';
  readonly delay?: number;
  /** Nothing listens where its sshd would be. */
  readonly down?: true;
}

export interface HostReport {
  readonly state: string;
  readonly error: string | null;
  readonly wave: number | null;
}

export class Fleet {
  readonly directory = mkdtempSync(join(tmpdir(), 'fleet-'));

  constructor(hosts: Readonly<Record<string, Behaviour>>) {
    mkdirSync(join(this.directory, 'state'));
    mkdirSync(join(this.directory, 'collections/ansible_collections/ksplice_ts'), {
      recursive: true,
    });
    symlinkSync(
      join(ROOT, 'ansible'),
      join(this.directory, 'collections/ansible_collections/ksplice_ts/fleet'),
    );
    writeFileSync(join(this.directory, 'ksplice-stubbed1.tar.gz'), 'the stub does not read it');
    this.behave(hosts);
    const stub = join(ROOT, 'test/fleet/stub-tool.py');
    const entries = Object.entries(hosts).map(([name, { down }]) => {
      const way = down ? 'ansible_host=127.0.0.1 ansible_port=1' : 'ansible_connection=local';
      return `${name} ${way} ksplice_cache=${this.directory}/cache`;
    });
    const tool = `ksplice_tool='/usr/bin/python3 ${stub} ${this.directory} {{ inventory_hostname }}'`;
    const common = [tool, 'ansible_python_interpreter=/usr/bin/python3'];
    writeFileSync(
      join(this.directory, 'hosts'),
      [...entries, '[all:vars]', ...common, ''].join('\n'),
    );
  }

  behave(hosts: Readonly<Record<string, Behaviour>>): void {
    writeFileSync(join(this.directory, 'table.json'), JSON.stringify(hosts));
  }

  /** Calls ansible-playbook for one of the collection's playbooks, or another Ansible program. */
  run(words: readonly string[], program = 'ansible-playbook'): Running {
    const child = spawn(program, ['-i', 'hosts', ...words], {
      cwd: this.directory,
      env: {
        ...process.env,
        HOME: this.directory,
        ANSIBLE_COLLECTIONS_PATH: join(this.directory, 'collections'),
        ANSIBLE_PIPELINING: '1',
        ANSIBLE_NOCOLOR: '1',
        LC_ALL: 'C.UTF-8',
      },
      detached: true,
    });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    const done = new Promise<{ code: number | null; output: string }>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, output }));
    });
    const pid = child.pid as number;
    return { done, pid, kill: () => process.kill(-pid, 'SIGKILL') };
  }

  rollout(...words: string[]): Running {
    const given = [
      `ksplice_update=${join(this.directory, 'ksplice-stubbed1.tar.gz')}`,
      `ksplice_state_directory=${this.directory}/rollout`,
      'ksplice_pause=0',
    ];
    return this.run(['ksplice_ts.fleet.rollout', ...given.flatMap((one) => ['-e', one]), ...words]);
  }

  /** What was done to the kernels, in order. */
  calls(): string[] {
    const file = join(this.directory, 'calls');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  }

  get reportFile(): string {
    return join(this.directory, 'rollout/report.json');
  }

  report(): Record<string, HostReport> {
    const text = readFileSync(this.reportFile, 'utf8');
    return (JSON.parse(text) as { hosts: Record<string, HostReport> }).hosts;
  }

  states(): Record<string, string> {
    return Object.fromEntries(
      Object.entries(this.report()).map(([name, { state }]) => [name, state]),
    );
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface Running {
  readonly done: Promise<{ readonly code: number | null; readonly output: string }>;
  readonly pid: number;
  kill(): void;
}
