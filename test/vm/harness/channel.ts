// The conversation with the agent in the guest: JSON lines on a virtio-serial
// port, which QEMU connects to a Unix socket of ours. Nothing else writes to
// it, so a verdict cannot be confused with what appears on the console.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** How a command in the guest ended. */
export interface Exit {
  status?: number | null;
  signal?: string | null;
  error?: string;
}

/** What the agent says; `id` is that of the request. */
export interface AgentMessage {
  id?: number;
  ready?: true;
  /** the guest has booted as far as its initramfs, and waits for `go` */
  waits?: true;
  /** one line of /dev/kmsg */
  kmsg?: string;
  /** base64 */
  stdout?: string;
  /** base64 */
  stderr?: string;
  exit?: Exit;
  done?: string | null;
  failed?: string;
  /** the guest is about to power itself off, all is said */
  bye?: true;
}

export type Listener = (message: AgentMessage) => void;

export class Channel {
  readonly #server: Server;
  #socket: Socket | undefined;
  #nextId = 1;
  readonly #listeners = new Map<number, Listener>();
  readonly #broadcast: Listener;

  private constructor(server: Server, broadcast: Listener) {
    this.#server = server;
    this.#broadcast = broadcast;
    server.on('connection', (socket) => {
      this.#socket = socket;
      socket.on('error', () => {});
      createInterface({ input: socket }).on('line', (line) => this.#receive(line));
    });
  }

  /** Listens on `path` for QEMU; messages that answer no request go to `broadcast`. */
  static async listen(path: string, broadcast: Listener): Promise<Channel> {
    const server = createServer();
    const channel = new Channel(server, broadcast);
    server.listen(path);
    await once(server, 'listening');
    return channel;
  }

  /** Sends a request; its answers go to `listener` until `forget(id)`. */
  request(message: Record<string, unknown>, listener: Listener): number {
    const id = this.#nextId++;
    this.#listeners.set(id, listener);
    this.send({ ...message, id });
    return id;
  }

  forget(id: number): void {
    this.#listeners.delete(id);
  }

  send(message: Record<string, unknown>): void {
    this.#socket?.write(`${JSON.stringify(message)}\n`);
  }

  /** Lets a guest that waits go on, with the time and with something random of its own. */
  go(): void {
    const time = (Date.now() / 1000).toFixed(3);
    this.#socket?.write(`go ${time} ${randomBytes(32).toString('hex')}\n`);
  }

  close(): void {
    this.#socket?.destroy();
    this.#server.close();
  }

  #receive(line: string): void {
    let message: AgentMessage;
    try {
      message = JSON.parse(line) as AgentMessage;
    } catch {
      // A guest that died in the middle of a line; its death is reported by who waits.
      return;
    }
    if (message.id === undefined) this.#broadcast(message);
    else this.#listeners.get(message.id)?.(message);
  }
}
