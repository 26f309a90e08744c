// The kernel log from a certain record on, also for a process that was not there when it was written.

import { closeSync, constants, openSync, readSync } from 'node:fs';
import { KspliceError } from '../base/errors.js';

/** The longest record that /dev/kmsg gives: CONSOLE_EXT_LOG_MAX. */
const RECORD_LENGTH = 8192;
const DEVICE = '/dev/kmsg';

export interface KernelRecord {
  readonly sequence: number;
  readonly text: string;
}

export class KernelRecords {
  private readonly fd: number;

  /**
   * @param after the number of the last record that is not wanted
   * @throws KspliceError `io` if this user may not read the log
   */
  constructor(
    private readonly after: number,
    device = DEVICE,
  ) {
    try {
      this.fd = openSync(device, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      throw new KspliceError('io', `the kernel log cannot be read: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** The records of the kernel since the last call. What a user's program wrote is left out. */
  next(): KernelRecord[] {
    const records: KernelRecord[] = [];
    const buffer = Buffer.alloc(RECORD_LENGTH);
    for (;;) {
      let length: number;
      try {
        length = readSync(this.fd, buffer);
      } catch (error) {
        // EPIPE: records were overwritten before they were read; reading goes on with the next.
        if ((error as NodeJS.ErrnoException).code === 'EPIPE') continue;
        return records;
      }
      if (length === 0) return records;
      const record = parseRecord(buffer.toString('utf8', 0, length));
      if (record && record.sequence > this.after) records.push(record);
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** "PRIORITY,SEQUENCE,TIME,FLAGS;TEXT" (Documentation/ABI/testing/dev-kmsg); undefined if a program wrote it. */
export function parseRecord(line: string): KernelRecord | undefined {
  const [, priority, sequence, text] = /^(\d+),(\d+),[^;\n]*;([^\n]*)/.exec(line) ?? [];
  // The bits above the level are the facility; the kernel's own is 0.
  if (text === undefined || Number(priority) >> 3 !== 0) return undefined;
  return { sequence: Number(sequence), text };
}

/**
 * The number of the newest record; -1 if there is none.
 * @throws KspliceError `io`
 */
export function lastRecord(device = DEVICE): number {
  const log = new KernelRecords(-1, device);
  try {
    return log.next().at(-1)?.sequence ?? -1;
  } finally {
    log.close();
  }
}
