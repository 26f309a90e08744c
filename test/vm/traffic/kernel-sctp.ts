// SCTP between two sockets of the kernel's own stack (sctp_test of lksctp-tools),
// association after association in the background while updates come and go. It has
// a network namespace of its own: a late packet of an association that has just ended
// counts as out of the blue, and must not be taken for one of the stack in user space.

import type { Background, Guest } from '../harness/index.js';

/** How many associations were opened and closed in order, each with all its messages. */
export interface KernelTraffic {
  associations: number;
}

const STOP = '/run/kernel-sctp.stop';
const COUNT = '/run/kernel-sctp.count';
const NAMESPACE = '/run/kernel-sctp.net';
const INSIDE = `nsenter --net=${NAMESPACE}`;
/** Messages in one run of sctp_test: test case 1 sends multiples of 1452 bytes. */
const CLIENT = 'timeout 60 sctp_test -H 127.0.0.1 -P 5001 -h 127.0.0.1 -p 5000 -s -c 1 -x 3';

export class KernelSctp {
  readonly #guest: Guest;
  readonly #server: Background;
  readonly #client: Background;

  private constructor(guest: Guest, server: Background, client: Background) {
    this.#guest = guest;
    this.#server = server;
    this.#client = client;
  }

  /** Starts a server and a client that opens one association after another. */
  static async start(guest: Guest): Promise<KernelSctp> {
    await guest.ok(`rm -f ${STOP}; echo 0 >${COUNT}; touch ${NAMESPACE}`);
    await guest.ok(`unshare --net=${NAMESPACE} busybox ip link set lo up`);
    const server = guest.spawn(`exec ${INSIDE} stdbuf -oL sctp_test -H 127.0.0.1 -P 5000 -l`);
    await guest.ok(
      `for i in {1..100}; do ${INSIDE} grep -q 5000 /proc/net/sctp/eps && break; sleep 0.1; done`,
    );
    const client = guest.spawn(
      `n=0; until [ -e ${STOP} ]; do ${INSIDE} ${CLIENT} || exit 1; echo $((++n)) >${COUNT}; done`,
    );
    const traffic = new KernelSctp(guest, server, client);
    await traffic.more();
    return traffic;
  }

  /** Waits until one more association, opened after now, has come to its end. */
  async more(): Promise<void> {
    // The one that is under way does not count: it began before.
    await this.#guest.ok(
      `n=$(cat ${COUNT}); for i in {1..300}; do [ $(cat ${COUNT}) -ge $((n + 2)) ] && exit 0; sleep 0.1; done; exit 1`,
    );
  }

  /** Ends the traffic. Throws when an association was lost or did not close in order. */
  async stop(): Promise<KernelTraffic> {
    await this.#guest.ok(`touch ${STOP}`);
    const client = await this.#client.finished();
    if (client.status !== 0) throw new Error(`sctp_test failed:\n${client.stdout.slice(-2000)}`);
    this.#server.kill();
    const { stdout } = await this.#server.finished();
    await this.#guest.ok(`umount ${NAMESPACE}`);
    const sent = bytes(client.stdout.matchAll(/^\s*sendmsg\(.*\) (\d+) bytes/gm));
    const received = bytes(stdout.matchAll(/^\s*recvmsg\(.*\) Data (\d+) bytes/gm));
    const opened = stdout.match(/SCTP_ASSOC_CHANGE\(COMMUNICATION_UP\)/g)?.length ?? 0;
    const closed = stdout.match(/SCTP_ASSOC_CHANGE\(SHUTDOWN_COMPLETE\)/g)?.length ?? 0;
    const associations = Number(await this.#guest.ok(`cat ${COUNT}`));
    if (opened !== associations || closed !== associations || received !== sent) {
      throw new Error(
        `of ${associations} associations ${opened} were opened and ${closed} closed in order; ` +
          `of ${sent} bytes ${received} arrived`,
      );
    }
    return { associations };
  }
}

/** The sum of what the first groups of `matches` hold. */
function bytes(matches: Iterable<RegExpMatchArray>): number {
  return [...matches].reduce((sum, match) => sum + Number(match[1]), 0);
}
