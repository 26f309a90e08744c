// What is asked of git. Only plumbing commands are used: the user's settings
// for colours, pagers and external diffs do not reach them.

import { realpathSync } from 'node:fs';
import { KspliceError } from '../../base/errors.js';
import { runTool, type ToolOptions, type ToolResult } from '../../base/tool.js';
import { textOfBytes } from './byte-text.js';

/** A file that two commits have different versions of. */
export interface ListedChange {
  readonly path: string;
  /** Names of blobs; undefined where the file is not there. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Neither a link nor a submodule. */
  readonly isText: boolean;
}

/** A file or a directory of a commit. */
export interface ListedEntry {
  readonly path: string;
  /** Name of a file's blob; undefined for anything else. */
  readonly blob: string | undefined;
}

export class GitRepository {
  private constructor(
    /** Top of the work tree. */
    readonly top: string,
    private readonly directory: string,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws KspliceError `no-source` if the directory is not the top of a work tree */
  static async open(source: string, signal: AbortSignal): Promise<GitRepository> {
    const asked = ['rev-parse', '--show-toplevel', '--absolute-git-dir'];
    const { status, stdout, output } = await runTool('git', asked, { cwd: source, signal });
    const advice =
      'Give the directory that has .git in it: a clone with the source of the running kernel.';
    if (status !== 0) {
      throw new KspliceError('no-source', `${source} is no git work tree: ${output.trim()}`, {
        advice,
      });
    }
    const [top = '', directory = ''] = stdout.split('\n');
    if (realpathSync(top) === realpathSync(source)) {
      return new GitRepository(top, directory, signal);
    }
    throw new KspliceError('no-source', `${source} is only a part of the git tree in ${top}`, {
      advice,
    });
  }

  /** The id of the commit that a revision names. */
  async commit(revision: string): Promise<string | undefined> {
    if (revision.startsWith('-') || revision === '') return undefined;
    const args = ['rev-parse', '--verify', '--quiet', `${revision}^{commit}`];
    const { status, stdout } = await this.run(args);
    return status === 0 ? stdout.trim() : undefined;
  }

  /** The first line of a commit's message. */
  async subject(commit: string): Promise<string> {
    const message = await this.ask(['cat-file', 'commit', commit]);
    return message.slice(message.indexOf('\n\n') + 2).split('\n', 1)[0] ?? '';
  }

  /** The messages of all commits that lead from one to another. */
  async messages(from: string, to: string): Promise<string> {
    return this.ask([
      'log',
      '--no-decorate',
      '--format=From 0 Mon Sep 17 00:00:00 2001%n%B',
      `${from}..${to}`,
    ]);
  }

  /** The files that differ between two commits; a file that moved is one gone and one new. */
  async changes(from: string, to: string): Promise<ListedChange[]> {
    const text = await this.ask(['diff-tree', '-r', '-z', '--no-renames', from, to], 'latin1');
    // ":100644 100644 BLOB BLOB M", NUL, path, NUL
    const fields = text.split('\0');
    const changes: ListedChange[] = [];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [oldMode = '', newMode = '', before = '', after = ''] = fields[i]!.slice(1).split(' ');
      changes.push({
        path: textOfBytes(fields[i + 1]!),
        before: isNone(oldMode) ? undefined : before,
        after: isNone(newMode) ? undefined : after,
        isText: [oldMode, newMode].every((mode) => isNone(mode) || mode.startsWith('100')),
      });
    }
    return changes;
  }

  /** What a commit has at paths; those that it has nothing at are left out. */
  async entries(commit: string, paths: readonly string[]): Promise<ListedEntry[]> {
    if (paths.length === 0) return [];
    const text = await this.ask(['ls-tree', '-z', commit, '--', ...paths], 'latin1');
    // "100644 blob BLOB", tab, path, NUL
    return [...text.matchAll(/(\d+) (\w+) (\w+)\t([^\0]+)\0/g)].map(
      ([, mode = '', type, object = '', path = '']) => ({
        path: textOfBytes(path),
        blob: type === 'blob' && mode.startsWith('100') ? object : undefined,
      }),
    );
  }

  /** A unified diff; bytes, one a character. */
  diff(from: string, to: string): Promise<string> {
    const options = ['-p', '--no-renames', '--no-ext-diff', '--no-textconv'];
    return this.ask(['diff-tree', ...options, from, to], 'latin1');
  }

  /** A file's contents; bytes, one a character. */
  text(blob: string): Promise<string> {
    return this.ask(['cat-file', 'blob', blob], 'latin1');
  }

  /**
   * Writes a commit's files to a directory of ours, and removes those that the
   * commit before had there.
   * @param index takes the place of the repository's own index
   */
  async checkOut(commit: string, directory: string, index: string): Promise<void> {
    // The mirror's links change a file's ctime; git would write all files anew.
    const wanted = ['core.sparseCheckout=false', 'core.autocrlf=false', 'core.trustctime=false'];
    const settings = wanted.flatMap((setting) => ['-c', setting]);
    const args = [...settings, `--work-tree=${directory}`, 'read-tree', '--reset', '-u', commit];
    await this.ask(args, 'utf8', { GIT_INDEX_FILE: index });
  }

  /**
   * Moves a ref, unless somebody else has meanwhile.
   * @param before undefined if there must be no such ref
   * @returns what git had to say if it could not
   */
  async moveRef(ref: string, to: string, before: string | undefined): Promise<string | undefined> {
    const old = before ?? '0'.repeat(to.length);
    const args = ['update-ref', '-m', 'ksplice-ts create', ref, to, old];
    const { status, output } = await this.run(args);
    return status === 0 ? undefined : output.trim();
  }

  private async ask(
    args: readonly string[],
    encoding: ToolOptions['encoding'] = 'utf8',
    environment: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const { status, stdout, output } = await this.run(args, encoding, environment);
    if (status === 0) return stdout;
    const command = args.find((word) => /^[a-z]/.test(word) && !word.includes('='));
    throw new KspliceError('command-failed', `git ${command} failed: ${output.trim()}`, {
      advice: `Is the repository in ${this.top} sound? Try: git fsck`,
    });
  }

  private run(
    args: readonly string[],
    encoding: ToolOptions['encoding'] = 'utf8',
    environment: Readonly<Record<string, string>> = {},
  ): Promise<ToolResult> {
    // A hook of the user's is told of index changes; ours is not the user's index.
    const own = ['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false'];
    return runTool('git', [...own, `--git-dir=${this.directory}`, ...args], {
      cwd: this.top,
      signal: this.signal,
      encoding,
      environment,
    });
  }
}

function isNone(mode: string): boolean {
  return mode === '000000';
}
