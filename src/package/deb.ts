// Builds a Debian package with dpkg-deb: the same files give the same bytes.

import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeDirectories } from '../base/directories.js';
import { KspliceError } from '../base/errors.js';
import { runTool } from '../base/tool.js';

/** What is put at a path of the package; the modes are those of Debian's policy. */
export type PackagedFile =
  | { readonly data: string | Uint8Array; readonly program?: boolean }
  | { readonly link: string };

export interface Package {
  /** Fields of deb-control(5), in their order. A description of several lines is one value. */
  readonly control: Readonly<Record<string, string>>;
  /** By path without the first slash: "usr/bin/tool". */
  readonly files: ReadonlyMap<string, PackagedFile>;
  /** "preinst", "postinst", "prerm", "postrm": shell scripts. */
  readonly scripts: Readonly<Record<string, string>>;
  /** Of all files, in seconds since 1970 (SOURCE_DATE_EPOCH). */
  readonly time: number;
}

/**
 * Builds a package: whole, or not at all.
 * @param output directory, made if need be
 * @returns its path, NAME_VERSION_ARCHITECTURE.deb in that directory
 * @throws KspliceError `missing-tool`, `command-failed`, `io`, `interrupted`
 */
export async function buildPackage(
  contents: Package,
  output: string,
  signal: AbortSignal,
): Promise<string> {
  const stage = mkdtempSync(join(tmpdir(), 'ksplice-package-'));
  try {
    const root = join(stage, 'root');
    layOut(contents, root);
    const { Package, Version, Architecture } = contents.control;
    const name = `${Package}_${Version}_${Architecture}.deb`;
    makeDirectories(output);
    const unfinished = join(output, `.${name}.${process.pid}`);
    const environment = { SOURCE_DATE_EPOCH: String(contents.time) };
    // xz, for dpkg of every supported release reads it.
    const words = ['--root-owner-group', '-Zxz', '--build', root, unfinished];
    try {
      const done = await runTool('dpkg-deb', words, { cwd: stage, signal, environment });
      if (done.status !== 0) {
        throw new KspliceError('command-failed', `dpkg-deb: ${done.output.trim()}`);
      }
      renameSync(unfinished, join(output, name));
    } finally {
      rmSync(unfinished, { force: true });
    }
    return join(output, name);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

function layOut({ control, files, scripts }: Package, root: string): void {
  const old = process.umask(0o022);
  try {
    mkdirSync(join(root, 'DEBIAN'), { recursive: true });
    for (const [path, file] of files) {
      const place = join(root, path);
      mkdirSync(dirname(place), { recursive: true });
      if ('link' in file) symlinkSync(file.link, place);
      else writeFileSync(place, file.data, { mode: file.program ? 0o755 : 0o644 });
    }
    const fields = Object.entries(control).map(([name, value]) => `${name}: ${value}\n`);
    writeFileSync(join(root, 'DEBIAN/control'), fields.join(''));
    // What an administrator changes there, an upgrade keeps.
    const conffiles = [...files.keys()].filter((path) => path.startsWith('etc/'));
    if (conffiles.length > 0) {
      writeFileSync(join(root, 'DEBIAN/conffiles'), conffiles.map((path) => `/${path}\n`).join(''));
    }
    for (const [name, text] of Object.entries(scripts)) {
      writeFileSync(join(root, 'DEBIAN', name), text, { mode: 0o755 });
    }
  } finally {
    process.umask(old);
  }
}

/** A description of deb-control(5): a summary, and the long text below it. */
export function debDescription(summary: string, text: string): string {
  const lines = text.split('\n').map((line) => {
    const clean = printable(line);
    return clean.trim() === '' ? ' .' : ` ${clean}`;
  });
  return [printable(summary).slice(0, 79).trim(), ...lines].join('\n');
}

/** One line with nothing in it that acts on a terminal. */
function printable(text: string): string {
  return text.replace(/\p{C}+/gu, ' ').trimEnd();
}
