// Compressed kernels and modules. gzip is Node's own; the others go through the
// system's tools, one process each.

import { promisify } from 'node:util';
import { gunzip as gunzipInBackground, gunzipSync } from 'node:zlib';
import { execa, execaSync } from 'execa';
import { KspliceError } from '../base/errors.js';
import { badImage } from '../elf/bad-image.js';

interface Format {
  readonly name: string;
  readonly magic: readonly number[];
  /** Reads stdin, writes stdout; none for gzip. */
  readonly tool: readonly [command: string, ...args: string[]] | undefined;
  readonly debianPackage: string;
}

// The magic numbers of Documentation/x86/boot.rst (payload_offset).
const formats: readonly Format[] = [
  { name: 'gzip', magic: [0x1f, 0x8b], tool: undefined, debianPackage: '' },
  { name: 'xz', magic: [0xfd, 0x37], tool: ['xz', '-dc'], debianPackage: 'xz-utils' },
  {
    name: 'lzma',
    magic: [0x5d, 0],
    tool: ['xz', '-dc', '--format=lzma'],
    debianPackage: 'xz-utils',
  },
  { name: 'bzip2', magic: [0x42, 0x5a], tool: ['bzip2', '-dc'], debianPackage: 'bzip2' },
  { name: 'lz4', magic: [0x02, 0x21], tool: ['lz4', '-dc'], debianPackage: 'lz4' },
  { name: 'zstd', magic: [0x28, 0xb5], tool: ['zstd', '-dcq'], debianPackage: 'zstd' },
  { name: 'lzo', magic: [0x89, 0x4c], tool: ['lzop', '-dc'], debianPackage: 'lzop' },
];

/** More than any kernel; keeps a hostile file from filling the memory. */
const MAX_SIZE = 1 << 30;

const options = {
  encoding: 'buffer',
  maxBuffer: MAX_SIZE,
  reject: false,
  stripFinalNewline: false,
} as const;

/**
 * Decompresses a kernel payload.
 * @param size what it must come to, in bytes
 * @throws KspliceError `bad-image` if it is damaged or its format unknown,
 *   `missing-tool` if the system lacks the tool
 */
export async function decompressPayload(
  payload: Buffer,
  size: number,
  origin: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const format = formatOf(payload);
  if (!format) throw badImage(origin, 'the compression format of the kernel is unknown');
  let data: Buffer;
  if (!format.tool) {
    data = await gunzip(payload, origin, signal);
  } else {
    // The last four bytes are the size that kbuild appended, not the tool's.
    data = await byTool(payload.subarray(0, payload.length - 4), format, origin, signal);
  }
  if (data.length !== size) {
    throw badImage(origin, `decompresses to ${data.length} bytes, its header says ${size}`);
  }
  return data;
}

/**
 * A module's contents, whether `.ko`, `.ko.gz`, `.ko.xz` or `.ko.zst`.
 * @throws KspliceError as decompressPayload; `interrupted`
 */
export async function decompressModule(
  data: Buffer,
  origin: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const format = formatOf(data);
  if (!format) return data;
  if (!format.tool) return await gunzip(data, origin, signal);
  return await byTool(data, format, origin, signal);
}

/**
 * The same at once: nothing else happens meanwhile, not even Ctrl-C.
 * @throws KspliceError as decompressPayload
 */
export function decompressModuleNow(data: Buffer, origin: string): Buffer {
  const format = formatOf(data);
  if (!format) return data;
  if (!format.tool) return gunzipNow(data, origin);
  const [command, ...args] = format.tool;
  return toolOutput(execaSync(command, args, { ...options, input: data }), format, origin);
}

function formatOf(data: Buffer): Format | undefined {
  return formats.find((format) => format.magic.every((byte, index) => data[index] === byte));
}

const gunzipOptions = { maxOutputLength: MAX_SIZE };

function gunzipNow(data: Buffer, origin: string): Buffer {
  try {
    return gunzipSync(data, gunzipOptions);
  } catch (cause) {
    throw badImage(origin, 'the gzip data is damaged', cause);
  }
}

async function gunzip(data: Buffer, origin: string, signal: AbortSignal): Promise<Buffer> {
  const unzipped = await promisify(gunzipInBackground)(data, gunzipOptions).catch((cause) => {
    throw badImage(origin, 'the gzip data is damaged', cause);
  });
  if (signal.aborted) throw new KspliceError('interrupted', 'interrupted');
  return unzipped;
}

async function byTool(
  input: Buffer,
  format: Format,
  origin: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const [command = '', ...args] = format.tool ?? [];
  const cancelSignal = AbortSignal.any([signal]);
  return toolOutput(
    await execa(command, args, { ...options, input, cancelSignal }),
    format,
    origin,
  );
}

interface ToolResult {
  readonly failed: boolean;
  readonly code?: string | undefined;
  readonly isCanceled?: boolean | undefined;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

function toolOutput(done: ToolResult, format: Format, origin: string): Buffer {
  if (!done.failed) {
    return Buffer.from(done.stdout.buffer, done.stdout.byteOffset, done.stdout.byteLength);
  }
  if (done.isCanceled) throw new KspliceError('interrupted', 'interrupted');
  if (done.code === 'ENOENT') {
    throw new KspliceError(
      'missing-tool',
      `${origin} is compressed with ${format.name}, and the tool for it is not installed`,
      {
        advice: `Install it: apt-get install ${format.debianPackage}`,
      },
    );
  }
  const said = Buffer.from(done.stderr ?? [])
    .toString()
    .trim();
  throw badImage(origin, `the ${format.name} data is damaged${said && ` (${said})`}`);
}
