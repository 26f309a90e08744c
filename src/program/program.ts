// The match program as the tool handles it: the code that a running kernel must
// hold where an update wants to replace it. kmodsrc/program.h documents every
// field of the binary form; encode.ts and decode.ts translate.

/** An unknown 64-bit value: the run-time address of a symbol, input section or merged string. */
export interface Key {
  /** Name in kallsyms, '' if the key is anonymous. */
  readonly name: string;
  /** For messages: "net/sctp/input.o .text". */
  readonly label: string;
  /** The value must be among the addresses that kallsyms has for the name. */
  readonly kallsyms: boolean;
  /** An undefined weak symbol: zero is a good value. */
  readonly weak: boolean;
  /** Not a symbol but a value that all sites of one kind share; sites may set it. */
  readonly group: boolean;
}

/** A number in the code: value = number - addend (+ the number's own address if pcrel). */
export interface Field {
  /** In bytes, from the start of the item. */
  readonly offset: number;
  readonly width: 1 | 2 | 4 | 8;
  readonly pcrel: boolean;
  readonly signed: boolean;
  /** Any number will do; `key` is not looked at. */
  readonly free: boolean;
  /** Index into the program's keys. */
  readonly key: number;
  readonly addend: number;
}

/** One form of a site: as many bytes as the item is long, the fields' bytes zero. */
export interface Variant {
  readonly bytes: Uint8Array;
  readonly fields: readonly Field[];
}

/**
 * What may differ from the bytes as built: a relocation (its bytes are free
 * and tell the key's value), or a site that the kernel rewrites (the bytes
 * must be one of the variants; the first is the site as built).
 */
export type Item =
  | {
      readonly kind: 'reloc';
      readonly offset: number;
      readonly length: number;
      readonly field: Field;
    }
  | {
      readonly kind: 'site';
      readonly offset: number;
      readonly length: number;
      readonly variants: readonly Variant[];
    };

/** A stretch of one input section that must be found in the running kernel. */
export interface Span {
  /** Symbol name, '' for data without one. */
  readonly name: string;
  /** The object file, for messages. */
  readonly label: string;
  /** Look for it at the addresses that kallsyms has for the name. */
  readonly search: boolean;
  /** A weak definition; skipped if no candidate matches. */
  readonly weak: boolean;
  /** The update replaces this function. */
  readonly replaced: boolean;
  /** Key of the section that holds the span, and the span's offset in it. */
  readonly key: number;
  readonly offset: number;
  /** The bytes as built. */
  readonly bytes: Uint8Array;
  /** Sorted by offset, without overlap. */
  readonly items: readonly Item[];
}

/** Everything about one target (vmlinux or one module). */
export interface Program {
  /** Links the old-code module to the new-code module made with it. */
  readonly cookie: bigint;
  readonly keys: readonly Key[];
  readonly spans: readonly Span[];
}
