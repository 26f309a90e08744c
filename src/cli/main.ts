// The program: reads the command line, runs one command, prints one result, and
// turns whatever happened into an exit status.

import { constants } from 'node:os';
import { version } from '../base/version.js';
import { Console, type Streams, toKspliceError } from './output.js';
import { globalOptions, parseCommandLine } from './parse.js';

/**
 * Runs a command line and returns the exit status: 0 done, 1 refused or failed,
 * 2 wrong call, 3 a set without some kernels, 10 to 12 what status found (11 also withdrawn), 66 no changes, 128 + the signal's number after one.
 * @param argv without node and script
 */
export async function main(
  argv: readonly string[],
  streams: Streams = process,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const interruption = watchSignals();
  const console = new Console(streams, globalOptions(argv), interruption.signal, environment);
  interruption.onRepeat = () => console.warn('still cleaning up; please wait');
  try {
    const request = await parseCommandLine(argv);
    if (request.kind === 'help') {
      console.answer('help', request.text);
      return 0;
    }
    if (request.kind === 'version') {
      console.answer('version', version());
      return 0;
    }
    const outcome = await request.command.run(request.args, console);
    console.finish(outcome);
    return outcome.exitStatus ?? 0;
  } catch (thrown) {
    const error = toKspliceError(thrown, interruption.signal);
    console.fail(error);
    return interruption.exitStatus ?? error.exitStatus;
  } finally {
    interruption.stop();
  }
}

interface Interruption {
  readonly signal: AbortSignal;
  /** 128 + the number of the signal that came. */
  exitStatus: number | undefined;
  onRepeat: () => void;
  stop(): void;
}

/**
 * Turns SIGINT, SIGTERM and SIGHUP into an aborted signal. The process goes on:
 * whatever is under way puts things back and fails, which ends it.
 */
function watchSignals(): Interruption {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (name: (typeof names)[number]) => {
    if (controller.signal.aborted) interruption.onRepeat();
    interruption.exitStatus ??= 128 + constants.signals[name];
    controller.abort();
  };
  const interruption: Interruption = {
    signal: controller.signal,
    exitStatus: undefined,
    onRepeat: () => {},
    stop: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
  for (const name of names) process.on(name, onSignal);
  return interruption;
}
