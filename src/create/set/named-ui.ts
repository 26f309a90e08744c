// One run of several that are made at a time, as it speaks to the user.

import type { Ui } from '../../base/ui.js';

/** Several work at a time: each line says of which kernel it is, and stages are details. */
export class NamedUi implements Ui {
  constructor(
    private readonly ui: Ui,
    private readonly name: string,
  ) {}

  get signal(): AbortSignal {
    return this.ui.signal;
  }
  stage(text: string): void {
    this.detail(text);
  }
  progress(): void {}
  info(text: string): void {
    this.ui.info(`${this.name}: ${text}`);
  }
  warn(text: string): void {
    this.ui.warn(`${this.name}: ${text}`);
  }
  detail(text: string): void {
    this.ui.detail(`${this.name}: ${text}`);
  }
}
