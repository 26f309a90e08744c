// An initramfs is a cpio archive in "newc" form: per entry a header of fixed
// hexadecimal fields, the name, and the contents, each padded to four bytes
// (Documentation/driver-api/early-userspace/buffer-format.rst).

export interface CpioEntry {
  readonly path: string;
  /** file type and permissions, as in st_mode */
  readonly mode: number;
  readonly data?: Uint8Array;
}

export const DIRECTORY = 0o040755;
export const EXECUTABLE = 0o100755;
export const REGULAR = 0o100644;
export const SYMLINK = 0o120777;

/** A cpio archive of `entries`, in order; directories must come before what is in them. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  entries.forEach((entry, index) => {
    appendEntry(parts, entry, index + 1);
  });
  appendEntry(parts, { path: 'TRAILER!!!', mode: 0 }, 0);
  return Buffer.concat(parts);
}

function appendEntry(parts: Buffer[], entry: CpioEntry, inode: number): void {
  const name = Buffer.from(`${entry.path}\0`);
  const data = Buffer.from(entry.data ?? []);
  const fields = [inode, entry.mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  parts.push(padded(Buffer.concat([Buffer.from(header), name])), padded(data));
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}
