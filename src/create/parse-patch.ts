// Reads a source patch: plain unified diffs and git's format, with whatever
// mail, statistics and signatures stand around them. The hunks are parsed by
// the `diff` package; this file finds where they are and what git says about
// each file.

import { parsePatch, type StructuredPatchHunk } from 'diff';
import { KspliceError } from '../errors.js';

export interface FilePatch {
  /** As the patch writes it, undefined for a file that is new. */
  readonly oldName: string | undefined;
  /** undefined for a file that goes away. */
  readonly newName: string | undefined;
  /** Names have git's a/ and b/ in front. */
  readonly git: boolean;
  /** The new file is a copy: the old one stays as it is. */
  readonly copy: boolean;
  readonly hunks: readonly StructuredPatchHunk[];
  /** Line of the patch file where each hunk begins, from 1. */
  readonly hunkLines: readonly number[];
}

interface Draft {
  oldName: string | undefined;
  newName: string | undefined;
  git: boolean;
  copy: boolean;
  text: string[];
  hunkLines: number[];
}

const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;

/**
 * @param text the patch; one byte a character (latin1), so that sources in any
 *   encoding survive
 * @param origin for messages
 * @throws KspliceError `patch-failed` if it holds no change of a file, is cut
 *   off, or changes a binary file
 */
export function readPatch(text: string, origin: string): FilePatch[] {
  const drafts = split(text, origin);
  if (drafts.length === 0) {
    throw new KspliceError('patch-failed', `${origin} holds no patch`, {
      advice: 'It must be a unified diff, as diff -u and git diff write it.',
    });
  }
  return drafts.map((draft) => finish(draft, origin));
}

function split(text: string, origin: string): Draft[] {
  // A patch whose every line ends in CR LF went through a mailer that did it.
  const mailed = text.includes('\r\n') && !/[^\r]\n/.test(text);
  const lines = text.split(mailed ? '\r\n' : '\n');
  const drafts: Draft[] = [];
  let current: Draft | undefined;
  const begin = (git: boolean): Draft => {
    const [oldName, newName] = [undefined, undefined];
    current = { oldName, newName, git, copy: false, text: [], hunkLines: [] };
    drafts.push(current);
    return current;
  };
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    if (line.startsWith('diff --git ')) {
      Object.assign(begin(true), gitNames(line.slice('diff --git '.length)));
    } else if (line.startsWith('--- ') && lines[at + 1]?.startsWith('+++ ')) {
      const draft = current?.git && current.text.length === 0 ? current : begin(false);
      draft.oldName = headerName(line);
      draft.newName = headerName(lines[++at] as string);
    } else if (current && HUNK.test(line)) {
      at = takeHunk(lines, at, current, origin);
    } else {
      refuseBinary(line, current, origin);
      if (current?.git) readGitHeader(line, current);
    }
  }
  return drafts;
}

const QUOTED_OR_WORD = '("(?:[^"\\\\]|\\\\.)*"|\\S+)';
const GIT_NAMES = new RegExp(`^${QUOTED_OR_WORD} ${QUOTED_OR_WORD}$`);

/**
 * The names after `diff --git`. Blanks are not quoted there, so two names with
 * blanks can only be told apart if they are the same; if not, the lines below say them.
 */
function gitNames(text: string): Pick<Draft, 'oldName' | 'newName'> {
  const words = GIT_NAMES.exec(text);
  if (words) return { oldName: plainName(words[1]), newName: plainName(words[2]) };
  const same = /^a\/(.+) b\/\1$/.exec(text);
  return { oldName: same ? `a/${same[1]}` : undefined, newName: same ? `b/${same[1]}` : undefined };
}

function readGitHeader(line: string, draft: Draft): void {
  const moved = /^(rename|copy) (from|to) (.+)$/.exec(line);
  if (moved) {
    const name = plainName(moved[3]);
    if (moved[1] === 'copy') draft.copy = true;
    if (moved[2] === 'from') draft.oldName ??= `a/${name}`;
    else draft.newName ??= `b/${name}`;
  } else if (line.startsWith('new file mode ')) draft.oldName = undefined;
  else if (line.startsWith('deleted file mode ')) draft.newName = undefined;
}

function refuseBinary(line: string, draft: Draft | undefined, origin: string): void {
  const plain = /^Binary files (?:.* and )?(\S+) differ$/.exec(line);
  if (!plain && !(draft?.git && line === 'GIT binary patch')) return;
  const name = draft?.git ? draft.newName : plain?.[1];
  throw new KspliceError('patch-failed', `${origin} changes a binary file: ${name}`, {
    advice: 'Leave it out of the patch: only source can be changed.',
  });
}

/** The name in a `---` or `+++` line, undefined for /dev/null. */
function headerName(line: string): string | undefined {
  const name = plainName(line.slice(4).split('\t')[0]);
  return name === '/dev/null' ? undefined : name.trimEnd();
}

function plainName(name = ''): string {
  return name.startsWith('"') && name.endsWith('"') ? unquote(name.slice(1, -1)) : name;
}

// git quotes unusual names as C does, with octal bytes.
function unquote(text: string): string {
  return text.replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : code,
  );
}

/** Copies one hunk to the draft; returns the index of its last line. */
function takeHunk(lines: readonly string[], start: number, draft: Draft, origin: string): number {
  const match = HUNK.exec(lines[start] as string);
  let oldLeft = Number(match?.[1] ?? 1);
  let newLeft = Number(match?.[2] ?? 1);
  draft.hunkLines.push(start + 1);
  draft.text.push(lines[start] as string);
  let at = start + 1;
  while (oldLeft > 0 || newLeft > 0) {
    // Some mailers strip the blank that stands for an empty context line.
    const line = lines[at] === '' && at < lines.length - 1 ? ' ' : lines[at];
    const kind = line?.[0];
    if (line === undefined || kind === undefined || !' +-\\'.includes(kind)) {
      throw new KspliceError(
        'patch-failed',
        `${origin}:${at + 1}: the hunk that begins in line ${start + 1} is cut off`,
        { advice: 'The patch is damaged: get it again.' },
      );
    }
    if (kind === ' ' || kind === '-') oldLeft--;
    if (kind === ' ' || kind === '+') newLeft--;
    draft.text.push(line);
    at++;
  }
  if (lines[at]?.startsWith('\\')) draft.text.push(lines[at++] as string);
  return at - 1;
}

function finish(draft: Draft, origin: string): FilePatch {
  const { oldName, newName, git, copy, hunkLines } = draft;
  let hunks: StructuredPatchHunk[] = [];
  if (draft.text.length > 0) {
    try {
      hunks = parsePatch(['--- old', '+++ new', ...draft.text, ''].join('\n'))[0]?.hunks ?? [];
    } catch (error) {
      throw new KspliceError(
        'patch-failed',
        `${origin}:${hunkLines[0]}: ${(error as Error).message}`,
        { advice: 'The patch is damaged: get it again.' },
      );
    }
  }
  return { oldName, newName, git, copy, hunks, hunkLines };
}

/** The patch that takes these changes back, last part first. */
export function reversed(patches: readonly FilePatch[]): FilePatch[] {
  return patches.toReversed().map((patch) => ({
    ...patch,
    oldName: patch.newName,
    newName: patch.copy ? undefined : patch.oldName,
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
