// How a pipeline talks to the person (or script) that started it. The command
// line implements it; tests use a silent one.

export interface Ui {
  /** A new stage of the work begins: "building 3 objects". */
  stage(text: string): void;
  /** Progress inside a stage; shown on a terminal only. */
  progress(done: number, total: number, what: string): void;
  /** A line worth reading. */
  info(text: string): void;
  /** Something that the user should know, though the work goes on. */
  warn(text: string): void;
  /** Shown with -v only. */
  detail(text: string): void;
  /** Aborted on SIGINT and SIGTERM; children are started with it, and loops look at it. */
  readonly signal: AbortSignal;
}

/** A Ui that says nothing and is never interrupted. */
export const silentUi: Ui = {
  stage: () => {},
  progress: () => {},
  info: () => {},
  warn: () => {},
  detail: () => {},
  signal: new AbortController().signal,
};

/** How a stretch of a result may stand out on a terminal. */
export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold';

/** A line of a result: plain, or in stretches of which some stand out. */
export type ResultLine = string | readonly (string | readonly [Colour, string])[];
