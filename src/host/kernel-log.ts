// What the kernel said while something was done: insmod reports an errno, the
// reason ("Unknown symbol ...") is only in the log.

import { closeSync, constants, openSync, readSync } from 'node:fs';

// The longest record that /dev/kmsg gives: CONSOLE_EXT_LOG_MAX.
const RECORD_LENGTH = 8192;

/** One record of the log. */
export interface LogRecord {
  /** Counts all records since the boot, from 0. */
  readonly sequence: number;
  /** False if a program wrote it to /dev/kmsg. */
  readonly fromKernel: boolean;
  readonly text: string;
}

/** A view of /dev/kmsg from the moment it is opened. Reading never waits. */
export class KernelLog {
  private readonly fd: number | undefined;

  constructor(device = '/dev/kmsg') {
    try {
      this.fd = openSync(device, constants.O_RDONLY | constants.O_NONBLOCK);
      this.records();
    } catch {
      // No right to read it: errors will be told without it.
      this.fd = undefined;
    }
  }

  /** The lines since the last call. */
  since(): string[] {
    return this.records().map(({ text }) => text);
  }

  /** The records since the last call. */
  private records(): LogRecord[] {
    return this.fd === undefined ? [] : readRecords(this.fd);
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
  }
}

/** All records that the kernel still has; undefined without the right to read them. */
export function wholeLog(device = '/dev/kmsg'): LogRecord[] | undefined {
  let fd: number;
  try {
    fd = openSync(device, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    return readRecords(fd);
  } finally {
    closeSync(fd);
  }
}

/** The facility of the kernel's own records (syslog.h). */
const KERN = 0;

/**
 * Reads a record as /dev/kmsg gives it: "priority,sequence,time,flags;text", then continuation
 * lines with tags.
 */
export function parseRecord(record: string): LogRecord | undefined {
  const [, priority, sequence, text] = /^(\d+),(\d+),[^;\n]*;([^\n]*)/.exec(record) ?? [];
  if (text === undefined) return undefined;
  return { sequence: Number(sequence), fromKernel: Number(priority) >> 3 === KERN, text };
}

function readRecords(fd: number): LogRecord[] {
  const records: LogRecord[] = [];
  const buffer = Buffer.alloc(RECORD_LENGTH);
  for (;;) {
    try {
      const length = readSync(fd, buffer);
      if (length === 0) return records;
      const record = parseRecord(buffer.toString('utf8', 0, length));
      if (record) records.push(record);
    } catch (error) {
      // EPIPE: records were overwritten before they were read; reading goes on with the next.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') return records;
    }
  }
}
