// Types as the compiler's BTF describes them: Documentation/bpf/btf.rst of the kernel.
// A type refers to others by their number; 0 is void.

export interface Member {
  /** Empty for a struct or union without a name inside of another. */
  readonly name: string;
  readonly type: number;
  /** In bits from the start of the struct. */
  readonly offset: number;
  /** In bits; undefined if it is no bit-field. */
  readonly width: number | undefined;
}

export interface Enumerator {
  readonly name: string;
  readonly value: bigint;
}

export interface Parameter {
  readonly name: string;
  /** 0 at the end: "..." */
  readonly type: number;
}

/** What a type name, a pointer or a qualifier leads to. */
interface Reference {
  readonly name: string;
  readonly type: number;
}

export type BtfType =
  | { readonly kind: 'void' }
  | {
      readonly kind: 'int';
      readonly name: string;
      /** In bytes. */
      readonly size: number;
      readonly signed: boolean;
    }
  | { readonly kind: 'float'; readonly name: string; readonly size: number }
  | { readonly kind: 'array'; readonly type: number; readonly count: number }
  | {
      readonly kind: 'struct' | 'union';
      /** Empty if it has none. */
      readonly name: string;
      /** In bytes. */
      readonly size: number;
      readonly members: readonly Member[];
    }
  | {
      readonly kind: 'enum';
      readonly name: string;
      readonly size: number;
      readonly enumerators: readonly Enumerator[];
    }
  /** Declared, and not defined in this file. */
  | { readonly kind: 'forward'; readonly name: string; readonly of: 'struct' | 'union' }
  | ({
      readonly kind: 'pointer' | 'typedef' | 'volatile' | 'const' | 'restrict' | 'tag';
    } & Reference)
  | {
      readonly kind: 'prototype';
      /** What the function returns. */
      readonly type: number;
      readonly parameters: readonly Parameter[];
    }
  /** A function that is defined here, or declared. */
  | ({ readonly kind: 'function' } & Reference)
  | ({ readonly kind: 'variable' } & Reference)
  /** Sections, and tags of declarations: nothing of them is of interest. */
  | { readonly kind: 'other' };

export type Struct = Extract<BtfType, { kind: 'struct' | 'union' }>;
export type Enum = Extract<BtfType, { kind: 'enum' }>;
export type Prototype = Extract<BtfType, { kind: 'prototype' }>;
