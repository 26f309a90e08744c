// Reads a source patch: plain unified diffs and git's format, with whatever
// mail, statistics and signatures stand around them.
//
// patch(1) and git skip text that they do not know, and so they also skip a file whose
// header is damaged: the rest of the patch is applied. A part of a fix can be worse
// than none, so here whatever looks like a piece of a diff has to be one, or the patch
// is refused.

import type { StructuredPatchHunk } from 'diff';
import { KspliceError } from '../../base/errors.js';
import { GitHeader, isLostHeaderLine } from './git-header.js';
import { damaged, isForEmptyFile, readHunk } from './patch-hunk.js';
import { headerName, unquoted } from './patch-names.js';

export interface FilePatch {
  /** As the patch writes it, undefined for a file that is new. */
  readonly oldName: string | undefined;
  /** undefined for a file that goes away. */
  readonly newName: string | undefined;
  /** A `change` is of one file, whatever its two names are. */
  readonly kind: 'change' | 'rename' | 'copy';
  /** There need be no such file before; after. */
  readonly creates: boolean;
  readonly removes: boolean;
  /** Set if it is no text that changes: "binary file"; there are no hunks then. */
  readonly special: string | undefined;
  readonly hunks: readonly StructuredPatchHunk[];
  /** Lines of the patch file, from 1: where the part begins, and each hunk. */
  readonly line: number;
  readonly hunkLines: readonly number[];
}

/**
 * @param text the patch; one byte a character (latin1), so that sources in any
 *   encoding survive
 * @param origin for messages
 * @throws KspliceError `patch-failed` with a line of the patch if any part of it
 *   is damaged, or in a form that is not read; if it holds no change of a file
 */
export function readPatch(text: string, origin: string): FilePatch[] {
  if (/^(\xff\xfe|\xfe\xff)/.test(text)) {
    throw damaged(origin, 0, 'the text is UTF-16', 'Make it UTF-8: iconv -f utf-16 -t utf-8.');
  }
  const plain = withoutCarriageReturns(text.replace(/^\xef\xbb\xbf/, ''));
  const parts = new Reader(plain.split('\n'), origin).read();
  if (parts.length === 0) {
    throw new KspliceError('patch-failed', `${origin} holds no patch`, {
      advice: 'It must be a unified diff, as diff -u and git diff write it.',
    });
  }
  return parts;
}

/** A patch whose every line ends in CR LF went through a mailer that did it. */
function withoutCarriageReturns(text: string): string {
  const isMailed = text.includes('\r\n') && !/[^\r]\n/.test(text);
  return isMailed ? text.replaceAll('\r\n', '\n') : text;
}

/** Where a mail or a commit begins, with words in which anything may stand. */
const WORDS_BEGIN = /^(From \S+ |commit [0-9a-f]{7,}\b)/;
/** A hunk that a mail program has moved or quoted: it would be left out without a word. */
const MOVED_HUNK = /^[ \t>|]+@@ -\d+(,\d+)? \+\d+(,\d+)? @@/;
/** After the diffs: a signature's rule, or what signs the whole mail. */
const NO_HUNK = /^--( ?$|-+(BEGIN|END) )/;
const MAIL = 'From ksplice-ts Mon Sep 17 00:00:00 2001';
const BINARY = /^Binary files (.+) and (.+) differ$/;

/** Forms of a diff that are not read; what to do about them. */
const OTHER_FORMS: readonly (readonly [RegExp, string, string])[] = [
  [
    /^diff --(cc|combined) |^@@@+ -\d/,
    'a combined diff of a merge',
    'Make a diff against one of the parents: git diff MERGE^1 MERGE.',
  ],
  [/^\*{15}/, 'a context diff', 'Make a unified diff: diff -u, or git diff.'],
  [
    /^Content-Transfer-Encoding: *(quoted-printable|base64)/i,
    'a mail whose text is encoded',
    'Take the patch out of the mail first: git mailinfo MESSAGE PATCH < MAIL > /dev/null; b4 am can do this, too.',
  ],
];

class Reader {
  private readonly parts: FilePatch[] = [];
  /** Between the beginning of a mail or commit and its first file. */
  private inWords = true;

  constructor(
    private readonly lines: readonly string[],
    private readonly origin: string,
  ) {}

  read(): FilePatch[] {
    for (let at = 0; at < this.lines.length; ) at = this.readAt(at);
    return this.parts;
  }

  /** Reads a file's part or passes a line by; returns the index of the next one. */
  private readAt(at: number): number {
    const line = this.lines[at] as string;
    const binary = BINARY.exec(line);
    if (line.startsWith('diff --git ')) return this.readGit(at);
    if (line.startsWith('--- ') && this.lines[at + 1]?.startsWith('+++ '))
      return this.readPlain(at);
    if (binary) this.addBinary(binary, at);
    else if (WORDS_BEGIN.test(line)) this.inWords = true;
    else this.refuseStray(line, at);
    return at + 1;
  }

  private readPlain(at: number): number {
    const [from, to] = [headerName(this.lines[at]!), headerName(this.lines[at + 1]!)];
    const { hunks, hunkLines, next } = this.readHunks(at + 2);
    const [first, ...others] = hunks as [StructuredPatchHunk];
    const alone = others.length === 0;
    this.add({
      oldName: from.name,
      newName: to.name,
      kind: 'change',
      creates: from.name === undefined || (alone && isForEmptyFile(first)),
      removes: to.name === undefined || (alone && to.isEpoch && first.newLines === 0),
      special: undefined,
      hunks,
      line: at + 1,
      hunkLines,
    });
    return next;
  }

  private readGit(at: number): number {
    const header = new GitHeader(this.lines, at, this.origin);
    const hasHunks = header.special === undefined && this.lines[header.next]?.startsWith('@@');
    const none = { hunks: [], hunkLines: [], next: header.next };
    const { hunks, hunkLines, next } =
      hasHunks || header.hasNames ? this.readHunks(header.next) : none;
    header.check(hunks.length > 0);
    const { oldName, newName, kind, special } = header;
    const [creates, removes] = [oldName === undefined, newName === undefined];
    this.add({ oldName, newName, kind, creates, removes, special, hunks, line: at + 1, hunkLines });
    return next;
  }

  private readHunks(first: number) {
    const hunks: StructuredPatchHunk[] = [];
    const hunkLines: number[] = [];
    let next = first;
    while (this.lines[next]?.startsWith('@@') || next === first) {
      this.refuseOtherForm(this.lines[next] ?? '', next);
      hunkLines.push(next + 1);
      const read = readHunk(this.lines, next, this.origin);
      hunks.push(read.hunk);
      next = read.next;
    }
    return { hunks, hunkLines, next };
  }

  private add(part: FilePatch): void {
    this.parts.push(part);
    this.inWords = false;
  }

  private addBinary([, oldName, newName]: RegExpExecArray, at: number): void {
    const side = (name = '') => (name === '/dev/null' ? undefined : unquoted(name));
    const names = { oldName: side(oldName), newName: side(newName) };
    const kinds = { kind: 'change', creates: true, removes: true, special: 'binary file' } as const;
    this.add({ ...names, ...kinds, hunks: [], line: at + 1, hunkLines: [] });
  }

  /** What must be a piece of a diff, and belongs to none. */
  private refuseStray(line: string, at: number): void {
    this.refuseOtherForm(line, at);
    const isPiece = this.inWords ? /^@@/ : /^[-+@]/;
    if (!this.inWords && MOVED_HUNK.test(line)) {
      throw damaged(this.origin, at, 'this hunk is indented or quoted');
    }
    if (isPiece.test(line) && !NO_HUNK.test(line)) {
      throw damaged(this.origin, at, 'this line of a diff belongs to no file or hunk');
    }
    if (isLostHeaderLine(this.lines, at, this.inWords)) {
      throw damaged(this.origin, at, 'a line of git stands without its "diff --git"');
    }
  }

  private refuseOtherForm(line: string, at: number): void {
    const form = OTHER_FORMS.find(([pattern]) => pattern.test(line));
    if (form)
      throw damaged(this.origin, at, `this is ${form[1]}, a form that is not supported`, form[2]);
  }
}

/** Several patches as one: each begins like a mail, so that its words are taken for words. */
export function joinPatches(texts: readonly string[]): string {
  const [only] = texts;
  if (only !== undefined && texts.length === 1) return only;
  return texts
    .map((text) => `${MAIL}\n${withoutCarriageReturns(text)}`)
    .map((text) => (text.endsWith('\n') ? text : `${text}\n`))
    .join('');
}

/** The patch that takes these changes back, last part first. */
export function reversed(patches: readonly FilePatch[]): FilePatch[] {
  return patches.toReversed().map((patch) => ({
    ...patch,
    oldName: patch.newName,
    // What was copied goes away, and its model stays as it is.
    newName: patch.kind === 'copy' ? undefined : patch.oldName,
    kind: patch.kind === 'copy' ? 'change' : patch.kind,
    creates: patch.removes,
    removes: patch.creates || patch.kind === 'copy',
    hunks: patch.hunks.map((hunk) => ({
      oldStart: hunk.newStart,
      oldLines: hunk.newLines,
      newStart: hunk.oldStart,
      newLines: hunk.oldLines,
      lines: hunk.lines.map(reversedLine),
    })),
  }));
}

function reversedLine(line: string): string {
  if (line.startsWith('+')) return `-${line.slice(1)}`;
  return line.startsWith('-') ? `+${line.slice(1)}` : line;
}
