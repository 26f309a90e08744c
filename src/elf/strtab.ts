// A string table in the making: each string once, offset 0 the empty one.

export class StringTable {
  private readonly offsets = new Map<string, number>([['', 0]]);
  private readonly parts: Buffer[] = [Buffer.alloc(1)];
  private length = 1;

  /** The offset of the string in the table. */
  add(text: string): number {
    let offset = this.offsets.get(text);
    if (offset === undefined) {
      const bytes = Buffer.from(`${text}\0`, 'latin1');
      offset = this.length;
      this.offsets.set(text, offset);
      this.parts.push(bytes);
      this.length += bytes.length;
    }
    return offset;
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.parts);
  }
}
