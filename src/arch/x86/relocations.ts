// Relocation types of the x86-64 psABI, under their own names. Imports nothing:
// src/elf is built on it.

import type { RelocationShape, Relocations } from '../relocation-types.js';

export const EM_X86_64 = 62;

export const R_X86_64_NONE = 0;
export const R_X86_64_64 = 1;
export const R_X86_64_PC32 = 2;
export const R_X86_64_PLT32 = 4;
export const R_X86_64_32 = 10;
export const R_X86_64_32S = 11;
export const R_X86_64_16 = 12;
export const R_X86_64_PC16 = 13;
export const R_X86_64_8 = 14;
export const R_X86_64_PC8 = 15;
export const R_X86_64_PC64 = 24;

const shapes = new Map<number, RelocationShape>([
  [R_X86_64_NONE, { name: 'R_X86_64_NONE', width: 0, pcrel: false, signed: false }],
  [R_X86_64_64, { name: 'R_X86_64_64', width: 8, pcrel: false, signed: false }],
  [R_X86_64_PC32, { name: 'R_X86_64_PC32', width: 4, pcrel: true, signed: true }],
  [R_X86_64_PLT32, { name: 'R_X86_64_PLT32', width: 4, pcrel: true, signed: true }],
  [R_X86_64_32, { name: 'R_X86_64_32', width: 4, pcrel: false, signed: false }],
  [R_X86_64_32S, { name: 'R_X86_64_32S', width: 4, pcrel: false, signed: true }],
  [R_X86_64_16, { name: 'R_X86_64_16', width: 2, pcrel: false, signed: false }],
  [R_X86_64_PC16, { name: 'R_X86_64_PC16', width: 2, pcrel: true, signed: true }],
  [R_X86_64_8, { name: 'R_X86_64_8', width: 1, pcrel: false, signed: false }],
  [R_X86_64_PC8, { name: 'R_X86_64_PC8', width: 1, pcrel: true, signed: true }],
  [R_X86_64_PC64, { name: 'R_X86_64_PC64', width: 8, pcrel: true, signed: true }],
]);

/** What ELF files of this machine are made of. */
export const relocations: Relocations = {
  label: 'x86-64',
  machine: EM_X86_64,
  none: R_X86_64_NONE,
  address: R_X86_64_64,
  distance: R_X86_64_PC32,
  shape: (type) => shapes.get(type),
  isAddress: (type) => [R_X86_64_64, R_X86_64_32, R_X86_64_32S].includes(type),
  isDistance: (type) => type === R_X86_64_PC32 || type === R_X86_64_PLT32,
  plain: (type) => (type === R_X86_64_PLT32 ? R_X86_64_PC32 : type),
};
