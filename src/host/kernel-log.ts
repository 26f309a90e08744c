// What the kernel said while something was done: insmod reports an errno, the
// reason ("Unknown symbol ...") is only in the log.

import { closeSync, constants, openSync, readSync } from 'node:fs';

// The longest record that /dev/kmsg gives: CONSOLE_EXT_LOG_MAX.
const RECORD_LENGTH = 8192;

/** A view of /dev/kmsg from the moment it is opened. Reading never waits. */
export class KernelLog {
  private readonly fd: number | undefined;

  constructor(device = '/dev/kmsg') {
    try {
      this.fd = openSync(device, constants.O_RDONLY | constants.O_NONBLOCK);
      this.since();
    } catch {
      // No right to read it: errors will be told without it.
      this.fd = undefined;
    }
  }

  /** The lines since the last call. */
  since(): string[] {
    const lines: string[] = [];
    const buffer = Buffer.alloc(RECORD_LENGTH);
    if (this.fd === undefined) return lines;
    for (;;) {
      try {
        const length = readSync(this.fd, buffer);
        if (length === 0) return lines;
        // "priority,sequence,time,flags;text", then continuation lines with tags.
        const [, text] = /^[^;\n]*;([^\n]*)/.exec(buffer.toString('utf8', 0, length)) ?? [];
        if (text !== undefined) lines.push(text);
      } catch (error) {
        // EPIPE: records were overwritten before they were read; reading goes on with the next.
        if ((error as NodeJS.ErrnoException).code !== 'EPIPE') return lines;
      }
    }
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
  }
}
