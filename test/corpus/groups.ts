// What a changed file needs beside itself to compile: chosen among the changed files by
// what the compiler says is missing. Only text is looked at here.

/** An error of the compiler. */
export interface Complaint {
  /** Files that it is about: where the compiler was, and where it says that something is declared. */
  readonly places: readonly string[];
  /** What is missing. */
  readonly names: readonly string[];
  /** The types and functions in whose neighbourhood it is missing. */
  readonly around: readonly string[];
  /** The included file that does not exist, as it is written. */
  readonly header?: string;
}

const ERROR = /^([^\s:]+):\d+:(?:\d+:)? (?:fatal )?error: (.*)$/;
const DECLARED =
  /^([^\s:]+):\d+:(?:\d+:)? note: (?:.*declared here|.*defined here|previous |expected )/;

/** Words of C that are in the compiler's quotes beside names. */
const WORDS_OF_C = new Set(
  'struct union enum const volatile static inline void char short int long unsigned signed bool _Bool u8 u16 u32 u64'.split(
    ' ',
  ),
);

/** @param lines what the compiler printed */
export function complaintsIn(lines: readonly string[]): Complaint[] {
  return lines.flatMap((line, index) => {
    const [, path, text] = ERROR.exec(line) ?? [];
    if (path === undefined || text === undefined) return [];
    const header = /^(\S+): No such file or directory$/.exec(text)?.[1];
    if (header !== undefined) return [{ places: [path], names: [], around: [], header }];
    const next = lines.findIndex((other, at) => at > index && ERROR.test(other));
    const below = lines.slice(index + 1, next < 0 ? undefined : next);
    const declared = below.flatMap((note) => DECLARED.exec(note)?.[1] ?? []);
    const [surest, ...others] = [...memberIn(below), ...namesIn(text), ...usedIn(below[0])];
    const names = surest === undefined ? [] : [surest, ...madeOf(surest)];
    return [{ places: [...new Set([path, ...declared])], names, around: [...new Set(others)] }];
  });
}

/** The member that a value was for, which is told in a note. */
function memberIn(notes: readonly string[]): string[] {
  return notes.flatMap((note) => /\(near initialization for '[^']*?(\w+)'\)/.exec(note)?.[1] ?? []);
}

/** Types and members in the line of the source that is shown. */
function usedIn(shown = ''): string[] {
  if (!/^ +\d+ \| /.test(shown)) return [];
  const used = shown.matchAll(/(?:\b(?:struct|union|enum) |->|\.)(\w+)/g);
  return [...used].map(([, name]) => name as string);
}

/** What is in quotes, the last first: it is the member of the type, the function of the argument. */
function namesIn(text: string): string[] {
  const [said = ''] = text.split(/; (?:did you mean|have|expected) /);
  const quoted = [...said.matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, a, b]) => a ?? b ?? '');
  return quoted
    .reverse()
    .flatMap((words) => words.match(/[A-Za-z_]\w*/g) ?? [])
    .filter((word) => !WORDS_OF_C.has(word));
}

/** Functions that a macro makes: trace_NAME() of TRACE_EVENT(NAME, …). */
function madeOf(name: string): string[] {
  const event = /^trace_(\w+?)(?:_enabled)?$/.exec(name)?.[1];
  return event === undefined ? [] : [event];
}

/** The identifiers in the lines of a file that are new or changed. */
export interface ChangedNames {
  readonly path: string;
  readonly names: ReadonlySet<string>;
  /** In lines that go. */
  readonly gone: ReadonlySet<string>;
}

/**
 * @param diff unified
 * @param outside whether only lines count that begin at the margin, as definitions of functions do
 */
export function changedNames(path: string, diff: string, outside = false): ChangedNames {
  const lines = diff.split('\n');
  const namesIn = (kind: RegExp) =>
    new Set(
      lines
        .filter((line) => kind.test(line))
        .join('\n')
        .match(/[A-Za-z_]\w*/g),
    );
  const names = namesIn(outside ? /^\+[A-Za-z_]/ : /^\+(?!\+\+ )/);
  return { path, names, gone: namesIn(/^-(?!-- )/) };
}

/**
 * The changed files that bring what is missing, at most one for each complaint. One error leads to
 * others: what is only in the neighbourhood counts if there is nothing better for any of them.
 * @param near those that may be read here
 * @param isFree whether a file is changed, and not in the group yet
 */
export function filesFor(
  complaints: readonly Complaint[],
  near: readonly ChangedNames[],
  isFree: (path: string) => boolean,
): string[] {
  const sure = complaints.flatMap((one) => fileFor(one, near, isFree) ?? []);
  if (sure.length > 0) return [...new Set(sure)];
  const vague = complaints.map((one) => ({ ...one, names: one.around }));
  const unsure = vague.flatMap((one) => fileFor(one, near, isFree) ?? []);
  if (unsure.length > 0) return [...new Set(unsure)];
  // A type that goes from a header is in another one, which the header includes now.
  const moved = near.map(({ path, gone }) => ({ path, gone, names: gone }));
  return [...new Set(vague.flatMap((one) => fileFor(one, moved, isFree) ?? []))];
}

/** The same for one of them. */
export function fileFor(
  { places, names, header }: Pick<Complaint, 'places' | 'names' | 'header'>,
  near: readonly ChangedNames[],
  isFree: (path: string) => boolean,
): string | undefined {
  const free = near.filter(({ path }) => isFree(path));
  const [at = ''] = places;
  if (header !== undefined) {
    return nearest(
      at,
      free.filter(({ path }) => `/${path}`.endsWith(`/${plain(header)}`)),
    );
  }
  // Who does not compile any more has most likely a change of its own.
  const place = places.find(isFree);
  if (place !== undefined) return place;
  for (const name of names) {
    const found = nearest(
      at,
      free.filter((file) => file.names.has(name)),
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function plain(included: string): string {
  return included.replace(/^(\.\.?\/)+/, '');
}

/** A header first, then one of the same directories. */
function nearest(path: string, files: readonly ChangedNames[]): string | undefined {
  const distance = (file: string) =>
    [file.endsWith('.h') ? 0 : 1, -sharedDirectories(path, file)] as const;
  return files
    .map(({ path: file }) => file)
    .toSorted((a, b) => {
      const [one, other] = [distance(a), distance(b)];
      return one[0] - other[0] || one[1] - other[1] || (a < b ? -1 : 1);
    })[0];
}

function sharedDirectories(a: string, b: string): number {
  const [one, other] = [a.split('/').slice(0, -1), b.split('/').slice(0, -1)];
  const differs = one.findIndex((part, index) => part !== other[index]);
  return differs < 0 ? one.length : differs;
}

/** Of the changed files, those that a file's lines include, as far as their names tell. */
export function includedBy(text: string, changed: Iterable<string>): string[] {
  const names = [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]+["<]([^">]+)/gm)].map(
    ([, name]) => `/${plain(name as string)}`,
  );
  return [...changed].filter((path) => names.some((name) => `/${path}`.endsWith(name)));
}

/** "net/sctp/input.c and 2 more" */
export function groupName([first = '', ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
