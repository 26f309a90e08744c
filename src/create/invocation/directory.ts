// The run's own directory: a numbered folder for each stage, so that debugging
// a refused patch is looking into a folder. It is kept when something fails,
// and with -v; otherwise it goes.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The stages, in order. */
export const STAGES = ['1-pre', '2-post', '3-diff', '4-extract', '5-modules', '6-pack'] as const;
export type StageName = (typeof STAGES)[number];

/** Directories and times of one run. */
export class RunDirectory {
  readonly path: string;
  private readonly times: { what: string; ms: number }[] = [];
  private began = performance.now();

  /** @param parent where the directory is made */
  constructor(parent: string) {
    mkdirSync(parent, { recursive: true });
    this.path = mkdtempSync(join(parent, 'create-'));
  }

  /** The directory of a stage, made if need be. */
  stage(stage: StageName): string {
    const path = join(this.path, stage);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Keeps something of a stage for whoever looks into the directory. */
  keep(stage: StageName, name: string, contents: unknown): void {
    const data = Buffer.isBuffer(contents) ? contents : JSON.stringify(contents, null, 2);
    writeFileSync(join(this.stage(stage), name), data);
  }

  /** Ends what was going on: its time, in milliseconds. */
  lap(what: string): number {
    const now = performance.now();
    const ms = Math.round(now - this.began);
    this.began = now;
    this.times.push({ what, ms });
    return ms;
  }

  /** All laps so far. */
  get timings(): readonly { what: string; ms: number }[] {
    return this.times;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
