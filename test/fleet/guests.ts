// Guests as hosts of a fleet: stock kernels under emulation with an sshd that the host's loopback reaches.

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type TestKernel, testCache } from '../kernels/kernel.js';
import { bootGuest, type Guest } from '../vm/harness/index.js';
import { TOOL_IN_GUEST } from '../vm/ksplice.js';
import { Controller } from './controller.js';

/** As test/setup/packages.sh has unpacked it. */
const SSHD = join(testCache(), 'sshd');
/** In a guest: of this boot only. */
const PLACE = '/run/test/ssh';
const SSHD_CONFIG = `
HostKey ${PLACE}/hostkey
AuthorizedKeysFile ${PLACE}/authorized
PidFile ${PLACE}/pid
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
Subsystem sftp internal-sftp
LoginGraceTime 600
`;

export interface FleetHost {
  readonly name: string;
  readonly kernel: TestKernel;
  readonly expectLog?: readonly RegExp[];
}

/** A free port of the loopback; it may be taken by another before it is used, which QEMU says then. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

/** Starts sshd; who has the key may come in. */
async function serve(guest: Guest, publicKey: string): Promise<void> {
  await guest.writeFile(`${PLACE}/sshd_config`, SSHD_CONFIG);
  await guest.writeFile(`${PLACE}/authorized`, publicKey);
  await guest.ok(
    [
      'set -e',
      'modprobe virtio_net',
      'for card in /sys/class/net/e*; do card=$' + '{card##*/}; done',
      'ip address add 10.0.2.15/24 dev "$card" && ip link set "$card" up',
      // /lib is a link.
      `cp -a ${SSHD}/usr/sbin ${SSHD}/usr/lib /usr && cp -a ${SSHD}/lib/. /lib/`,
      'mkdir -p -m 755 /run/sshd',
      "grep -q ^sshd: /etc/passwd || echo 'sshd:x:990:65534::/run/sshd:/usr/sbin/nologin' >>/etc/passwd",
      `ssh-keygen -q -t ed25519 -N '' -f ${PLACE}/hostkey`,
      `/usr/sbin/sshd -f ${PLACE}/sshd_config`,
      // Where the tool remembers what is installed and what was withdrawn.
      'mkdir -p /var/lib/ksplice && mount -t tmpfs -o mode=700 none /var/lib/ksplice',
    ].join('\n'),
    { timeoutMs: 240_000 },
  );
}

/** Some guests, and a controller that has them in its inventory. */
export class GuestFleet extends Controller {
  readonly guests = new Map<string, Guest>();
  readonly #lines: string[] = [];
  #key = '';

  /** Boots them one after the other; `close` ends them. */
  static async boot(hosts: readonly FleetHost[]): Promise<GuestFleet> {
    const fleet = new GuestFleet();
    try {
      const folder = await mkdtemp(join(tmpdir(), 'fleet-key-'));
      await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
      fleet.#key = join(folder, 'key');
      for (const host of hosts) await fleet.#add(host);
    } catch (error) {
      throw await fleet.failed(error);
    }
    return fleet;
  }

  async #add({ name, kernel, expectLog = [] }: FleetHost): Promise<void> {
    const sshPort = await freePort();
    const guest = await bootGuest({ name, kernel, sshPort, expectLog, timeoutMs: 5_400_000 });
    this.guests.set(name, guest);
    await serve(guest, await readFile(`${this.#key}.pub`, 'utf8'));
    this.#lines.push(`${name} ansible_host=127.0.0.1 ansible_port=${sshPort}`);
    this.setInventory([
      ...this.#lines,
      '[all:vars]',
      'ansible_user=root',
      `ansible_ssh_private_key_file=${this.#key}`,
      'ansible_python_interpreter=/usr/bin/python3',
      // Each boot has another host key. One connection a host serves all tasks; emulation is slow to make one.
      "ansible_ssh_common_args='-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR'",
      "ansible_ssh_args='-o ControlMaster=auto -o ControlPersist=1800s'",
      'ansible_ssh_timeout=120',
      `ksplice_tool='${TOOL_IN_GUEST}'`,
    ]);
  }

  guest(name: string): Guest {
    return this.guests.get(name) as Guest;
  }

  /** Powers off and judges those that are still there. */
  async close(): Promise<void> {
    for (const guest of this.guests.values()) await guest.close();
    await this.#clean();
  }

  /** Ends all by force; the error, with what is known of the guests. */
  async failed(error: unknown): Promise<Error> {
    let known = error instanceof Error ? error : new Error(String(error));
    for (const guest of this.guests.values()) known = await guest.failed(known);
    await this.#clean();
    return known;
  }

  /** Takes one away as a power cut would. */
  async cutPower(name: string): Promise<void> {
    await this.guest(name).cutPower();
    this.guests.delete(name);
  }

  async #clean(): Promise<void> {
    // The masters of the connections end with their sockets.
    await mkdir(this.directory, { recursive: true });
    this.remove();
    if (this.#key !== '') await rm(join(this.#key, '..'), { recursive: true, force: true });
  }
}
