// What has been done to files outside the run's own directory, and how to take
// it back. One stack for a whole run: it is unwound on success, on error and on
// a signal alike, so there is one place that can be right or wrong.

/** Steps that take something back, run in reverse order. */
export class UndoStack {
  private readonly steps: { what: string; undo: () => void }[] = [];

  /** @param undo synchronous, so that nothing can come between two steps */
  push(what: string, undo: () => void): void {
    this.steps.push({ what, undo });
  }

  /**
   * Runs every step, also those after one that failed.
   * @returns what could not be taken back, one line each
   */
  unwind(): string[] {
    const failed: string[] = [];
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      try {
        step.undo();
      } catch (error) {
        failed.push(`${step.what}: ${(error as Error).message}`);
      }
    }
    return failed;
  }
}
