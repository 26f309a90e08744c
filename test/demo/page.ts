// The look of the demo's page: headings, indented lines, packets as arrows.

import type { Packet } from '../vm/traffic/userland-sctp.js';

const bold = process.stdout.isTTY ? ['\x1b[1m', '\x1b[0m'] : ['', ''];

export function heading(text: string): void {
  console.log(`\n${bold[0]}${text}${bold[1]}`);
}

export function line(text: string): void {
  console.log(`  ${text}`);
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** The port of the echo server: the other side is the client. */
const SERVER_PORT = '.7';
/** A page has room for the beginning of an association. */
const SHOWN = 8;

/** The first packets as lines: who to whom, and what; ABORTs only the kernel sends. */
export function packetLines(packets: readonly Packet[]): string[] {
  const lines = packets.slice(0, SHOWN).map(({ from, chunks }) => {
    const kinds = chunks.join(', ');
    if (chunks.includes('ABORT')) return `  kernel ------> ${kinds}`;
    return from.endsWith(SERVER_PORT) ? `  server  -----> ${kinds}` : `  client  -----> ${kinds}`;
  });
  if (packets.length > SHOWN) lines.push(`  ... and ${packets.length - SHOWN} more packets`);
  return lines;
}
