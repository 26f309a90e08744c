// An SCTP association between two programs of the stack in user space
// (libusrsctp's examples), watched on the loopback interface. With the kernel's
// own sctp loaded, the kernel sees the same packets, knows no association for
// them ("out of the blue") and answers with ABORTs: the subject of the scene.

import type { Guest } from '../harness/index.js';

/** One SCTP packet as tcpdump prints it. */
export interface Packet {
  from: string;
  to: string;
  /** the kinds of its chunks, such as `INIT ACK` */
  chunks: string[];
}

export interface Association {
  packets: Packet[];
  /** packets with an ABORT */
  aborts: number;
  /** by how much the kernel's SctpOutOfBlues rose; 0 when its sctp is not loaded */
  outOfBlues: number;
  /** the peers agreed on an association, */
  up: boolean;
  /** what was sent came back, */
  echoed: boolean;
  /** and the association was closed in order */
  closed: boolean;
}

const ECHO_SERVER = '/usr/lib/usrsctp/echo_server';
const CLIENT = '/usr/lib/usrsctp/client';
const TEXT = 'a line for the echo server';
/** After the client's end: packets that are still on their way through tcpdump. */
const SETTLE_MS = 700;

/** Opens an association in user space, has a line echoed, closes it, and tells what was seen. */
export async function userlandAssociation(guest: Guest): Promise<Association> {
  const before = await outOfBlues(guest);
  const capture = guest.spawn('exec tcpdump -l -n --immediate-mode -i lo sctp port 7');
  await capture.output(/listening on lo/);
  const server = guest.spawn(`exec ${ECHO_SERVER}`);
  // The server says nothing; it can be reached once it has its raw sockets (protocol 132, 0x84).
  await guest.ok('for i in {1..100}; do grep -q ":0084 " /proc/net/raw && break; sleep 0.1; done');
  const client = guest.spawn(`exec stdbuf -oL ${CLIENT} 127.0.0.1 7`);
  client.write(`${TEXT}\n`);
  let echoed = true;
  await client.output(new RegExp(`^${TEXT}$`, 'm'), 20_000).catch(() => {
    echoed = false;
  });
  client.end();
  await client.finished(30_000);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  server.kill();
  capture.kill('SIGINT');
  const seen = (await capture.finished()).stdout;
  await server.finished();
  const packets = parsePackets(seen);
  return {
    packets,
    aborts: packets.filter(({ chunks }) => chunks.includes('ABORT')).length,
    outOfBlues: (await outOfBlues(guest)) - before,
    up: /SCTP_COMM_UP/.test(client.stdout + client.stderr),
    echoed,
    closed: /SCTP_SHUTDOWN_COMP/.test(client.stdout + client.stderr),
  };
}

/** Reads tcpdump's lines: `TIME IP FROM > TO: sctp (1) [INIT] [init tag: …] …`. */
export function parsePackets(text: string): Packet[] {
  const packets: Packet[] = [];
  for (const line of text.split('\n')) {
    const match = /^\S+ IP6? (\S+) > (\S+): sctp (.*)$/.exec(line);
    if (match === null) continue;
    const chunks = [...match[3]!.matchAll(/\(\d+\) \[([A-Z ]+)\]/g)].map((kind) => kind[1]!);
    packets.push({ from: match[1]!, to: match[2]!, chunks });
  }
  return packets;
}

/** Of the namespace that the two programs are in. */
async function outOfBlues(guest: Guest): Promise<number> {
  const counters = await guest.ok('[ ! -d /proc/net/sctp ] || cat /proc/net/sctp/snmp');
  if (counters === '') return 0;
  const count = /^SctpOutOfBlues\s+(\d+)$/m.exec(counters)?.[1];
  if (count === undefined) throw new Error(`no SctpOutOfBlues in:\n${counters}`);
  return Number(count);
}
