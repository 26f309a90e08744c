// Two network namespaces in the guest, joined by a cable, and in that a tunnel of
// the test's own module (test/fixtures/module-tunnel), with datagrams that go
// through it all the time while its counters are read over and over.

import { fileURLToPath } from 'node:url';
import type { Background, Guest } from '../harness/index.js';

const DATAGRAMS = `${process.execPath} ${fileURLToPath(new URL('datagrams.mjs', import.meta.url))}`;
const COUNTERS = '/sys/kernel/debug/udp_wire/counters';
const REMOTE = '/sys/module/udp_wire/parameters/remote';
/** The module's default. */
const TUNNEL_PORT = 5520;
const ECHO_PORT = 7007;

/** In namespaces of these names: address on the cable, and in the tunnel. */
const ENDS = {
  left: { cable: '10.9.0.1', tunnel: '10.9.1.1' },
  right: { cable: '10.9.0.2', tunnel: '10.9.1.2' },
} as const;

/** By name, as the module's file in debugfs has them. */
export type Counters = Readonly<Record<string, number>>;

/** What went through the tunnel and came back. */
export interface DatagramResult {
  readonly sent: number;
  readonly received: number;
  readonly doubled: number;
  /** Between two arrivals. */
  readonly longestPauseMs: number;
}

/** A tunnel under traffic. */
export class Tunnel {
  private constructor(
    private readonly guest: Guest,
    private readonly sender: Background,
    private readonly watcher: Background,
  ) {}

  /** Loads the module, makes both ends, and starts the traffic. */
  static async start(guest: Guest, module: string): Promise<Tunnel> {
    await guest.ok('modprobe -a veth udp_tunnel');
    await guest.ok(`insmod ${module}`);
    await guest.ok('echo $((8 << 20)) >/proc/sys/net/core/rmem_max');
    await guest.ok('ip netns add left && ip netns add right');
    await guest.ok('ip link add cable netns left type veth peer name cable netns right');
    await setUp(guest, 'left', 'right');
    await setUp(guest, 'right', 'left');
    const echo = guest.spawn(`exec ip netns exec right ${DATAGRAMS} echo ${ECHO_PORT}`);
    await echo.output(/listening/);
    const to = `${ENDS.right.tunnel} ${ECHO_PORT}`;
    const sender = guest.spawn(`exec ip netns exec left ${DATAGRAMS} send ${to}`);
    await sender.output(/^open$/m);
    const watcher = guest.spawn(`until read -t 0.02; do cat ${COUNTERS} && echo || exit 1; done`);
    await watcher.output(/\n\n/);
    return new Tunnel(guest, sender, watcher);
  }

  /** The counters as they are now. */
  async counters(): Promise<Counters> {
    return parse(await this.guest.ok(`cat ${COUNTERS}`));
  }

  /** Sends datagrams that are none of the tunnel's own to its right end, and waits until they are there. */
  async sendForeign(count: number, text = 'nothing of ours'): Promise<void> {
    const to = `${ENDS.right.cable} ${TUNNEL_PORT}`;
    await this.guest.ok(`ip netns exec left ${DATAGRAMS} text ${to} '${text}' ${count}`);
    await this.guest.ok('sleep 0.3');
  }

  /**
   * Ends the traffic.
   * @returns what became of the datagrams, and all readings of the counters, in order
   */
  async stop(): Promise<{ traffic: DatagramResult; readings: Counters[] }> {
    this.sender.write('stop\n');
    const { stdout } = await this.sender.finished();
    this.watcher.write('stop\n');
    const watched = await this.watcher.finished();
    if (watched.status !== 0) throw new Error(`the counters could not be read: ${watched.stderr}`);
    const traffic = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as DatagramResult;
    return { traffic, readings: watched.stdout.trimEnd().split('\n\n').map(parse) };
  }
}

async function setUp(guest: Guest, end: keyof typeof ENDS, peer: keyof typeof ENDS): Promise<void> {
  const ip = `ip -n ${end}`;
  await guest.ok(`echo ${ENDS[peer].cable} >${REMOTE}`);
  await guest.ok(
    [
      `${ip} addr add ${ENDS[end].cable}/24 dev cable && ${ip} link set cable up`,
      `${ip} link add wire type udpwire`,
      `${ip} addr add ${ENDS[end].tunnel} peer ${ENDS[peer].tunnel} dev wire`,
      `${ip} link set wire up`,
    ].join(' && '),
  );
}

function parse(text: string): Counters {
  const lines = text.split('\n').map((line) => line.split(' '));
  return Object.fromEntries(lines.map(([name, value]) => [name, Number(value)]));
}

/** Counters that went down from one reading to the next, a line each. */
export function backwards(readings: readonly Counters[]): string[] {
  return readings.slice(1).flatMap((reading, index) => {
    const before = readings[index]!;
    return Object.keys(reading)
      .filter((name) => before[name] !== undefined && reading[name]! < before[name])
      .map((name) => `${name}: ${before[name]}, then ${reading[name]}`);
  });
}
