// Runs in the guest: numbered datagrams, small and large in turn, to a peer that
// sends each back. The sender prints `open` when the first is back, stops on a
// line on standard input, and prints one JSON object at the end.
//
// usage: node datagrams.mjs echo PORT
//        node datagrams.mjs send ADDRESS PORT
//        node datagrams.mjs text ADDRESS PORT TEXT COUNT

import { createSocket } from 'node:dgram';

const [role, ...args] = process.argv.slice(2);
const PAUSE_MS = 5;
const SIZES = [40, 1200];
/** Those still under way when the sender stops. */
const LAST_MS = 1000;

// What comes while this program waits for a processor must not be lost in the socket.
const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });

function echo(port) {
  socket.on('message', (data, from) => socket.send(data, from.port, from.address));
  socket.bind(port, () => console.log('listening'));
}

function send(address, port) {
  const result = { sent: 0, received: 0, doubled: 0, longestPauseMs: 0 };
  const seen = new Set();
  let last;
  socket.on('message', (data) => {
    const now = performance.now();
    if (last === undefined) console.log('open');
    else result.longestPauseMs = Math.max(result.longestPauseMs, Math.round(now - last));
    last = now;
    const number = data.readUInt32BE();
    if (seen.has(number)) result.doubled++;
    seen.add(number);
    result.received = seen.size;
  });
  const timer = setInterval(() => {
    const data = Buffer.alloc(SIZES[result.sent % SIZES.length]);
    data.writeUInt32BE(result.sent++);
    socket.send(data, port, address);
  }, PAUSE_MS);
  process.stdin.once('data', () => {
    clearInterval(timer);
    setTimeout(() => {
      console.log(JSON.stringify(result));
      process.exit();
    }, LAST_MS);
  });
}

async function text(address, port, words, count) {
  for (let i = 0; i < count; i++) {
    await new Promise((sent) => socket.send(words, port, address, sent));
  }
  socket.close();
}

if (role === 'echo') echo(Number(args[0]));
else if (role === 'send') send(args[0], Number(args[1]));
else await text(args[0], Number(args[1]), args[2], Number(args[3]));
