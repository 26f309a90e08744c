// The lines between `diff --git` and the first hunk: what git says about a file
// besides its text.

import { damaged } from './patch-hunk.js';
import { gitNames, headerName, isOneFile, unquoted } from './patch-names.js';

const MODE = /^(old|new|new file|deleted file) mode (\d{6})$/;
const INDEX = /^index [0-9a-f]+\.\.[0-9a-f]+(?: (\d{6}))?$/;
/** Words may look like it. */
const MOVED = /^(rename|copy) (from|to) (.+)$/;
const OTHER = /^((dis)?similarity index \d+%|GIT binary patch)$/;

/**
 * Whether a line that stands alone must have been a header's, and says what would be lost.
 * @param inWords between the files of a patch otherwise
 */
export function isLostHeaderLine(lines: readonly string[], at: number, inWords: boolean): boolean {
  const line = lines[at] as string;
  if (OTHER.test(line) || (!inWords && MOVED.test(line))) return true;
  if (!MODE.test(line)) return false;
  let next = at + 1;
  while (MODE.test(lines[next] ?? '') || INDEX.test(lines[next] ?? '')) next++;
  // Some have such lines with a plain diff, which says the same.
  return !lines[next]?.startsWith('--- ');
}

/** What is no text, by the mode of a file. */
const SPECIAL_MODES: Readonly<Record<string, string>> = {
  '120000': 'symbolic link',
  '160000': 'submodule',
};

const BINARY_LINE = /^(literal \d+|delta \d+|[A-Za-z][!-~]+|)$/;

/** One header, read from its `diff --git` on. */
export class GitHeader {
  kind: 'change' | 'rename' | 'copy' = 'change';
  oldName: string | undefined;
  newName: string | undefined;
  /** "binary file", "symbolic link", "submodule". */
  special: string | undefined;
  /** There are `---` and `+++`. */
  hasNames = false;
  /** Index of the first line behind it. */
  next: number;
  private isNew = false;
  private isDeleted = false;
  private changesMode = false;
  /** How many lines say from where and to where it is renamed or copied. */
  private moves = 0;

  /** @throws KspliceError `patch-failed` if its lines contradict each other */
  constructor(
    private readonly lines: readonly string[],
    private readonly start: number,
    private readonly origin: string,
  ) {
    const line = lines[start] as string;
    [this.oldName, this.newName] = gitNames(line.slice('diff --git '.length)) ?? [];
    this.next = start + 1;
    while (this.readLine(lines[this.next] ?? '')) this.next++;
    const isText = this.special !== 'binary file';
    if (isText && lines[this.next]?.startsWith('--- ')) this.readNames();
    const { oldName, newName } = this;
    if ((this.isNew || this.isDeleted) && oldName && newName && !isOneFile(oldName, newName)) {
      throw this.damaged(start, 'these are the names of two files');
    }
    if (this.isNew) this.oldName = undefined;
    if (this.isDeleted) this.newName = undefined;
  }

  /**
   * Whether the header is one of a change.
   * @throws KspliceError `patch-failed`
   */
  check(hasHunks: boolean): void {
    const { oldName, newName, kind, isNew, isDeleted } = this;
    const saysMore = isNew || isDeleted || this.changesMode || kind !== 'change' || this.special;
    if (!hasHunks && !saysMore) throw this.damaged(this.start, 'no change of the file follows');
    if (kind !== 'change' && (this.moves !== 2 || isNew || isDeleted)) {
      throw this.damaged(this.start, `the ${kind} of a file lacks one of its names`);
    }
    if (oldName === undefined && newName === undefined) {
      throw this.damaged(this.start, 'the name of the file is ambiguous');
    }
    // Without index, git diff compares any two files.
    if (!hasHunks && kind === 'change' && oldName && newName && !isOneFile(oldName, newName)) {
      throw this.damaged(this.start, 'these are the names of two files');
    }
  }

  private readLine(line: string): boolean {
    const mode = MODE.exec(line);
    const index = INDEX.exec(line);
    const moved = MOVED.exec(line);
    if (mode) this.readMode(mode[1] as string, mode[2] as string);
    else if (index) this.special ??= SPECIAL_MODES[index[1] ?? ''];
    else if (moved) this.readMove(moved[1] as 'rename', moved[2] as string, moved[3] as string);
    else if (line === 'GIT binary patch') this.skipBinary();
    else if (/^Binary files .+ and .+ differ$/.test(line)) this.special = 'binary file';
    else return /^(dis)?similarity index \d+%$/.test(line);
    return true;
  }

  private readMode(what: string, mode: string): void {
    if (what === 'new file') this.isNew = true;
    else if (what === 'deleted file') this.isDeleted = true;
    else this.changesMode = true;
    this.special ??= SPECIAL_MODES[mode];
  }

  private readMove(kind: 'rename' | 'copy', side: string, text: string): void {
    const name = unquoted(text);
    const known = side === 'from' ? this.oldName : this.newName;
    const isOther = known !== undefined && known !== name && !known.endsWith(`/${name}`);
    if (isOther || (this.moves > 0 && kind !== this.kind)) {
      throw this.damaged(this.next, 'this contradicts the lines above');
    }
    this.kind = kind;
    this.moves++;
    if (side === 'from') this.oldName ??= `a/${name}`;
    else this.newName ??= `b/${name}`;
  }

  private readNames(): void {
    const { lines } = this;
    const [oldLine = '', newLine = ''] = [lines[this.next], lines[this.next + 1]];
    if (!newLine.startsWith('+++ '))
      throw this.damaged(this.next + 1, 'a line "+++ FILE" must be here');
    const [from, to] = [headerName(oldLine).name, headerName(newLine).name];
    const contradicts = (known: string | undefined, said: string | undefined) =>
      known !== undefined && said !== undefined && !isOneFile(known, said);
    if (contradicts(this.oldName, from) || (this.isNew && from !== undefined))
      throw this.damaged(this.next, 'this is another file than in the line "diff --git"');
    if (contradicts(this.newName, to) || (this.isDeleted && to !== undefined))
      throw this.damaged(this.next + 1, 'this is another file than in the line "diff --git"');
    this.isNew ||= from === undefined;
    this.isDeleted ||= to === undefined;
    if (this.kind === 'change') [this.oldName, this.newName] = [from, to];
    this.oldName ??= from;
    this.newName ??= to;
    this.hasNames = true;
    this.next += 2;
  }

  private skipBinary(): void {
    this.special = 'binary file';
    while (BINARY_LINE.test(this.lines[this.next + 1] ?? '-')) this.next++;
  }

  private damaged(at: number, what: string) {
    return damaged(this.origin, at, what);
  }
}
