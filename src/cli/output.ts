// How the program speaks: results on stdout, everything else on stderr. On a
// terminal the stage that is running is one line that is written over; a file
// or a pipe gets plain lines.

import { explainIo, KspliceError } from '../base/errors.js';
import type { Colour, ResultLine, Ui } from '../base/ui.js';
import { harmless, numbered, shown } from '../base/unseen.js';
import type { Outcome } from './command.js';
import type { GlobalOptions } from './parse.js';

/** Where text goes: process.stdout and process.stderr, or what stands for them in a test. */
export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Streams {
  readonly stdout: Stream;
  readonly stderr: Stream;
}

const COLOURS: Record<Colour, string> = {
  red: '31;1',
  green: '32',
  yellow: '33',
  cyan: '36',
  dim: '2',
  bold: '1',
};

/** Where lines cannot be written over: how often one tells of progress. */
const LINE_EVERY_MS = 30_000;
/** From here on it is said how long the rest will take. */
const LONG_MS = 45_000;

/** The command line's Ui, and the printing of what comes at the end. */
export class Console implements Ui {
  private readonly terminal: boolean;
  private readonly colours: boolean;
  private readonly colouredResults: boolean;
  private current = '';
  private startedAt = 0;
  private counted = 0;
  private countedFrom = 0;
  private lastLine = 0;

  constructor(
    private readonly streams: Streams,
    private readonly options: GlobalOptions,
    readonly signal: AbortSignal,
    environment: NodeJS.ProcessEnv = process.env,
  ) {
    this.terminal = streams.stderr.isTTY === true && environment.TERM !== 'dumb';
    this.colours = this.terminal && !environment.NO_COLOR;
    this.colouredResults =
      streams.stdout.isTTY === true && environment.TERM !== 'dumb' && !environment.NO_COLOR;
  }

  stage(text: string): void {
    this.endStage();
    if (this.options.quiet) return;
    this.current = text;
    this.startedAt = Date.now();
    this.countedFrom = this.startedAt;
    this.counted = 0;
    if (this.terminal) this.showStage(text);
    else this.line(shown(text));
  }

  progress(done: number, total: number, what: string): void {
    if (this.options.quiet) return;
    const left = this.timeLeft(done, total);
    if (this.terminal) this.showStage(`${this.current} [${done}/${total}]${left} ${what}`);
    else if (Date.now() - this.lastLine >= LINE_EVERY_MS) this.line(`  ${done} of ${total}${left}`);
  }

  /** ", about 3 min left", from how long the part took that is done; nothing for short waits. */
  private timeLeft(done: number, total: number): string {
    // A stage may count several times: each starts anew.
    if (done < this.counted) this.countedFrom = Date.now();
    this.counted = done;
    if (done === 0) return '';
    const ms = ((Date.now() - this.countedFrom) / done) * (total - done);
    return ms >= LONG_MS ? `, about ${Math.round(ms / 60_000)} min left` : '';
  }

  info(text: string): void {
    if (!this.options.quiet) this.line(shown(text));
  }

  warn(text: string): void {
    this.line(`${this.paint('yellow', 'warning:')} ${shown(text)}`);
  }

  detail(text: string): void {
    if (this.options.verbose) this.line(this.paint('dim', text));
  }

  /** Prints what a command has to say. */
  finish(outcome: Outcome): void {
    this.endStage();
    if (this.options.json) {
      this.json({ ok: true, ...outcome.json });
    } else {
      for (const text of outcome.text) this.result(text);
    }
  }

  /** Prints lines for a person, or as the member `name` of the one object. */
  answer(name: string, text: string): void {
    if (this.options.json) this.json({ ok: true, [name]: text });
    else this.result(text);
  }

  /** Prints a failure: one object on stdout with --json, otherwise a few lines on stderr. */
  fail(error: KspliceError): void {
    this.endStage();
    if (this.options.json) {
      const { code, message, advice, details } = error;
      this.json({ ok: false, error: { code, message, advice, details } });
      return;
    }
    const message = shown(error.message);
    this.line(`${this.paint('red', 'error:')} ${message} (${error.code})`);
    const all = error.details?.problems ?? [];
    const problems = all.length > 1 ? all : [];
    for (const [index, { message, advice }] of problems.entries()) {
      this.line(indent(`- ${message}`, 2));
      // Once for those in a row that have the same.
      if (advice && advice !== problems[index + 1]?.advice) this.line(indent(advice, 4));
    }
    if (error.advice) this.line(indent(error.advice, 2));
    if (error.details !== null) {
      this.detail(indent(JSON.stringify(error.details, replaceBigInt, 2), 2));
    }
    if (this.options.verbose && error.code === 'internal' && error.cause instanceof Error) {
      this.line(shown(error.cause.stack ?? ''));
    }
  }

  private json(value: unknown): void {
    // In JSON such a number is the character.
    this.streams.stdout.write(`${numbered(JSON.stringify(value, replaceBigInt))}\n`);
  }

  private result(line: ResultLine): void {
    const { stdout } = this.streams;
    const parts = typeof line === 'string' ? [line] : line;
    const pieces = parts.map((part) => {
      const [colour, text] = typeof part === 'string' ? [undefined, part] : part;
      // An update's description or patch is not ours: it must not drive the terminal.
      const clean = stdout.isTTY ? shown(text) : harmless(text);
      return colour && this.colouredResults ? painted(colour, clean) : clean;
    });
    stdout.write(`${pieces.join('')}\n`);
  }

  /** A line of text that is ours or had its control characters taken out. */
  private line(text: string): void {
    this.wipe();
    this.lastLine = Date.now();
    this.streams.stderr.write(`${text}\n`);
    if (this.terminal && this.current) this.showStage(this.current);
  }

  private showStage(text: string): void {
    const columns = this.streams.stderr.columns || 80;
    const clipped = text.length < columns ? text : `${text.slice(0, columns - 2)}…`;
    this.streams.stderr.write(`\r\x1b[K${shown(clipped)}`);
  }

  private wipe(): void {
    if (this.terminal && this.current) this.streams.stderr.write('\r\x1b[K');
  }

  private endStage(): void {
    if (!this.current) return;
    this.wipe();
    const text = `${this.current} (${Date.now() - this.startedAt} ms)`;
    this.current = '';
    this.detail(text);
  }

  private paint(colour: Colour, text: string): string {
    const clean = shown(text);
    return this.colours ? painted(colour, clean) : clean;
  }
}

function painted(colour: Colour, text: string): string {
  return `\x1b[${COLOURS[colour]}m${text}\x1b[0m`;
}

/** Whatever was thrown, as an error to show: our own refusals as they are, others as a bug. */
export function toKspliceError(thrown: unknown, signal: AbortSignal): KspliceError {
  if (signal.aborted) return asInterruption(thrown);
  const explained = explainIo(thrown);
  if (explained instanceof KspliceError) return explained;
  const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
  return new KspliceError('internal', `this is a bug in ksplice-ts: ${cause.message}`, {
    advice:
      'Please report it with the command, its output with -v, and the release of the kernel concerned.',
    details: { stack: cause.stack },
    cause,
  });
}

/** What an aborted child or wait threw says little; what was being done may say more. */
function asInterruption(thrown: unknown): KspliceError {
  if (thrown instanceof KspliceError && thrown.code === 'interrupted') return thrown;
  const during = thrown instanceof KspliceError ? thrown.code : null;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new KspliceError('interrupted', 'interrupted; everything that was begun was cleaned up', {
    details: { during, message },
    cause: thrown,
  });
}

function indent(text: string, columns: number): string {
  return shown(text).replace(/^/gm, ' '.repeat(columns));
}

function replaceBigInt(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
}
