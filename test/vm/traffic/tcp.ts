// TCP in the guest: a connection that stays open while updates come and go, and
// a port that can be reached or not.

import { fileURLToPath } from 'node:url';
import type { Background, Guest } from '../harness/index.js';

const STREAM = fileURLToPath(new URL('stream.mjs', import.meta.url));

/** What went through a connection in both directions together, in bytes. */
export interface StreamResult {
  sent: number;
  received: number;
  /** bytes that were not what belongs at their place: one lost byte makes nearly all later ones wrong */
  wrong: number;
  /** between two arrivals of data in the same direction */
  longestPauseMs: number;
  error?: string;
}

/** A connection of the guest to itself on `port` that sends all the time. */
export class TcpStream {
  readonly #process: Background;

  private constructor(process: Background) {
    this.#process = process;
  }

  static async open(guest: Guest, port: number): Promise<TcpStream> {
    const stream = guest.spawn(`exec ${process.execPath} ${STREAM} ${port}`);
    await stream.output(/^open$/m);
    return new TcpStream(stream);
  }

  /** Stops sending, lets everything arrive, closes both directions. */
  async close(): Promise<StreamResult> {
    this.#process.write('stop\n');
    const { stdout, stderr } = await this.#process.finished();
    const last = stdout.trimEnd().split('\n').at(-1) ?? '';
    if (!last.startsWith('{')) throw new Error(`the stream ended without a result:\n${stderr}`);
    return JSON.parse(last) as StreamResult;
  }
}

/** Whether a connection is `accepted` by a listening socket, `refused`, or gets no answer for two seconds and more. */
export async function connect(
  guest: Guest,
  port: number,
): Promise<'accepted' | 'refused' | 'unanswered'> {
  const attempt = `timeout ${5 * guest.patience} bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port}'`;
  const { status, stderr } = await guest.run(attempt);
  if (status === 0) return 'accepted';
  if (status === 124) return 'unanswered';
  if (/refused/.test(stderr)) return 'refused';
  throw new Error(`connecting to port ${port}: status ${status}\n${stderr}`);
}

/**
 * Listens on `port` until the guest goes down.
 * @param node where the guest has this machine's
 */
export async function listen(guest: Guest, port: number, node = process.execPath): Promise<void> {
  const script = `require('net').createServer((s) => s.destroy()).listen(${port}, () => console.log('listening'))`;
  const server = guest.spawn(`exec ${node} -e "${script}"`);
  await server.output(/listening/);
}
