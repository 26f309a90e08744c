// The controller of a fleet in a test: the real Ansible with the playbooks of ansible/, in a folder
// that has everything of one test.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');

/** What report.json says of a host. */
export interface HostReport {
  readonly state: string;
  readonly error: string | null;
  readonly wave: number | null;
  readonly stop_ms?: number;
}

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

export interface Running {
  readonly done: Promise<Ended>;
  readonly pid: number;
  kill(): void;
}

export class Controller {
  readonly directory = mkdtempSync(join(tmpdir(), 'fleet-'));

  constructor() {
    const collections = join(this.directory, 'collections/ansible_collections/ksplice_ts');
    mkdirSync(collections, { recursive: true });
    symlinkSync(join(ROOT, 'ansible'), join(collections, 'fleet'));
  }

  /** @param lines of an inventory in the form of INI */
  setInventory(lines: readonly string[]): void {
    writeFileSync(join(this.directory, 'hosts'), [...lines, ''].join('\n'));
  }

  /** Starts ansible-playbook, or another program of Ansible. */
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
    const hear = (data: Buffer) => {
      output += data;
      if (process.env.FLEET_OUTPUT) process.stderr.write(data);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const done = new Promise<Ended>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, output }));
    });
    const pid = child.pid as number;
    return { done, pid, kill: () => process.kill(-pid, 'SIGKILL') };
  }

  /**
   * @param update an archive or a set
   * @param words further ones for ansible-playbook
   */
  rollOut(update: string, ...words: string[]): Running {
    const given = [
      `ksplice_update=${update}`,
      `ksplice_state_directory=${this.directory}/rollout`,
      'ksplice_pause=0',
    ];
    return this.run(['ksplice_ts.fleet.rollout', ...given.flatMap((one) => ['-e', one]), ...words]);
  }

  /** One of report.json, report.md and report.html. */
  reportFile(form: 'json' | 'md' | 'html'): string {
    return join(this.directory, `rollout/report.${form}`);
  }

  report(): Record<string, HostReport> {
    const text = readFileSync(this.reportFile('json'), 'utf8');
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
