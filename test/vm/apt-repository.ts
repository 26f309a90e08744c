// A signed apt repository on this machine's loopback, made with reprepro and a key of its own.

import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { execa } from 'execa';

/** Where a guest with a network finds this machine (QEMU's user networking). */
const THIS_MACHINE = '10.0.2.2';
const SUITE = 'hosts';

export class AptRepository {
  readonly #folder: string;
  readonly #server: Server;
  /** The paths that were fetched. */
  readonly fetched: string[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer(async ({ url = '/' }, answer) => {
      const path = normalize(decodeURIComponent(url));
      const file = await readFile(join(folder, 'repo', path)).catch(() => undefined);
      this.fetched.push(path);
      answer.writeHead(file ? 200 : 404).end(file);
    });
  }

  /** @param folder for key and repository */
  static async open(folder: string): Promise<AptRepository> {
    const repository = new AptRepository(folder);
    await repository.#make();
    await new Promise<void>((done) => {
      repository.#server.listen(0, '127.0.0.1', done);
    });
    return repository;
  }

  async #make(): Promise<void> {
    const script = `
      mkdir -p -m 700 gnupg repo/conf
      gpg --batch --quiet --passphrase '' --quick-gen-key 'Updates <updates@example.org>' ed25519 sign never
      gpg --batch --quiet --export --output key.gpg
      printf '%s\\n' 'Origin: Example' 'Codename: ${SUITE}' 'Architectures: amd64' 'Components: main' \\
        'Description: hot patches' 'SignWith: yes' >repo/conf/distributions`;
    await this.#run(script);
  }

  /** Puts packages in; a newer version takes the place of an older one. */
  async add(...files: string[]): Promise<void> {
    await this.#run(`reprepro --silent --basedir repo includedeb ${SUITE} ${files.join(' ')}`);
  }

  /** The public key. */
  key(): Promise<Buffer> {
    return readFile(join(this.#folder, 'key.gpg'));
  }

  /** The line for a guest's sources.list, with the key at that path in it. */
  line(key: string): string {
    const { port } = this.#server.address() as AddressInfo;
    return `deb [signed-by=${key}] http://${THIS_MACHINE}:${port} ${SUITE} main\n`;
  }

  async close(): Promise<void> {
    await this.#run('gpgconf --kill all');
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #run(script: string): Promise<void> {
    const env = { GNUPGHOME: join(this.#folder, 'gnupg') };
    await execa('bash', ['-e', '-c', script], { cwd: this.#folder, env });
  }
}
