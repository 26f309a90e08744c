// What is read back from a file may be damaged, or of another version. These decoders
// make a value of the wanted shape of it, or undefined. They never throw.

/** @returns undefined if the value is something else */
export type Decode<T> = (value: unknown) => T | undefined;

export const asText: Decode<string> = (value) => (typeof value === 'string' ? value : undefined);

/** A whole number from 0 up. */
export const asCount: Decode<number> = (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** A path that stays below the directory that it is relative to. */
export const asInnerPath: Decode<string> = (value) => {
  const path = asText(value);
  if (path === undefined || !/^[^/\0][^\0]*$/.test(path)) return undefined;
  return path.split('/').includes('..') ? undefined : path;
};

/** One of these words, or of these other plain values. */
export function asOneOf<const T extends string | number | true | null>(
  values: readonly T[],
): Decode<T> {
  return (value) => values.find((one) => one === value);
}

/** A list in which each item is as it should be. */
export function asListOf<T>(item: Decode<T>): Decode<T[]> {
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    const items = value.map(item);
    return items.every((one) => one !== undefined) ? items : undefined;
  };
}

export const asTexts: Decode<string[]> = asListOf(asText);

/** What the decoder says; the other value where there is none at all. */
export function orElse<T>(decoder: Decode<T>, other: T): Decode<T> {
  return (value) => (value === undefined ? other : decoder(value));
}

/** The members of an object. Further members are left out. */
type Members<T> = { readonly [K in keyof T]-?: Decode<T[K]> };

/**
 * An object with all of these members.
 * @param optional members that may also not be there
 */
export function asRecord<T extends object, O extends object = object>(
  members: Members<T>,
  optional?: Members<O>,
): Decode<T & Partial<O>> {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const given = new Map<string, unknown>(Object.entries(value));
    const made: Record<string, unknown> = {};
    for (const [name, decode] of Object.entries<Decode<unknown>>({ ...members, ...optional })) {
      const isMissing = !given.has(name) && Object.hasOwn(optional ?? {}, name);
      if (isMissing) continue;
      made[name] = decode(given.get(name));
      if (made[name] === undefined) return undefined;
    }
    // Each member was decoded as T and O say.
    return made as T & Partial<O>;
  };
}

/** What a file with JSON has. */
export function fromJson<T>(text: string | undefined, decode: Decode<T>): T | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return decode(value);
}
