// Address ranges with contents: segments of a kernel image, sections of a
// module, saved memory.

import { firstNotBefore } from '../base/sorted.js';

/** A stretch of memory. */
export interface Region {
  readonly address: bigint;
  /** In bytes. */
  readonly size: number;
  /** The contents, `size` bytes; made when first asked for. */
  bytes(): Uint8Array;
}

/** Regions that can be read by address; they must not overlap. */
export class Memory {
  private readonly regions: Region[] = [];

  /** Adds regions; the order does not matter. */
  add(regions: Iterable<Region>): void {
    this.regions.push(...regions);
    this.regions.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  }

  /** `length` bytes, all within one region, or undefined. */
  read(address: bigint, length: number): Uint8Array | undefined {
    const region = this.regionAt(address);
    if (!region) return undefined;
    const offset = Number(address - region.address);
    if (length < 0 || offset + length > region.size) return undefined;
    return region.bytes().subarray(offset, offset + length);
  }

  private regionAt(address: bigint): Region | undefined {
    const behind = firstNotBefore(this.regions, (region) => region.address <= address);
    const region = this.regions[behind - 1];
    return region && address < region.address + BigInt(region.size) ? region : undefined;
  }
}
