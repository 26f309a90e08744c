// A fleet of hosts that do not exist: connection local, and in place of the tool a stub that answers
// from a table (stub-tool.py).

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, ROOT, type Running } from './controller.js';

export interface Behaviour {
  readonly fits?: false;
  /** A set says that its kernel is as it should be. */
  readonly needs?: false;
  /** It was taken back there before. */
  readonly withdrawn?: true;
  readonly apply?: 'refused';
  readonly after?: 'unhealthy' | 'gone';
  readonly delay?: number;
  /** Nothing listens where its sshd would be. */
  readonly down?: true;
}

export class Fleet extends Controller {
  constructor(hosts: Readonly<Record<string, Behaviour>>) {
    super();
    mkdirSync(join(this.directory, 'state'));
    writeFileSync(join(this.directory, 'ksplice-stubbed1.tar.gz'), 'the stub does not read it');
    this.behave(hosts);
    const stub = join(ROOT, 'test/fleet/stub-tool.py');
    const entries = Object.entries(hosts).map(([name, { down }]) => {
      const way = down ? 'ansible_host=127.0.0.1 ansible_port=1' : 'ansible_connection=local';
      return `${name} ${way} ksplice_cache=${this.directory}/cache`;
    });
    const tool = `ksplice_tool='/usr/bin/python3 ${stub} ${this.directory} {{ inventory_hostname }}'`;
    const common = [tool, 'ansible_python_interpreter=/usr/bin/python3'];
    this.setInventory([...entries, '[all:vars]', ...common]);
  }

  behave(hosts: Readonly<Record<string, Behaviour>>): void {
    writeFileSync(join(this.directory, 'table.json'), JSON.stringify(hosts));
  }

  rollout(...words: string[]): Running {
    return this.rollOut(join(this.directory, 'ksplice-stubbed1.tar.gz'), ...words);
  }

  /** What was done to the kernels, in order. */
  calls(): string[] {
    const file = join(this.directory, 'calls');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  }
}
