// Source and patches are read one byte a character, so that any encoding survives. Names in them are
// for people and for the file system, and those are text.

/** Bytes, one a character, as text; as they are if they are no UTF-8. */
export function textOfBytes(bytes: string): string {
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  return text.includes('\ufffd') ? bytes : text;
}

/** Text as UTF-8's bytes, one a character. */
export function bytesOfText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
