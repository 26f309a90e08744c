export type { Background, Finished, RunOptions } from './command.js';
export { bootGuest, Guest, type GuestOptions, withGuest } from './guest.js';
export type { LogRecord } from './kernlog.js';
