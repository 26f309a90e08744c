// What was decided about each symbol, for `objdiff --explain`. Reasons are
// functions, so that nothing is formatted that nobody asks for.

type Reason = string | (() => string);

export class Journal {
  private readonly reasons = new Map<string, Reason[]>();

  /** Notes one decision about the symbol or section of that name. */
  note(name: string, reason: Reason): void {
    const list = this.reasons.get(name);
    if (list) list.push(reason);
    else this.reasons.set(name, [reason]);
  }

  /** The decisions about a name, in order. */
  about(name: string): string[] {
    return (this.reasons.get(name) ?? []).map((reason) =>
      typeof reason === 'string' ? reason : reason(),
    );
  }
}
