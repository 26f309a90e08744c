// Runs in the guest: one TCP connection over the loopback interface that sends
// in both directions until it is told to stop (a line on standard input), each
// byte a function of its place, so that a byte that is lost, doubled or altered
// is seen. Prints `open`, and at the end one JSON object.
//
// usage: node stream.mjs PORT

import { createConnection, createServer } from 'node:net';

const PORT = Number(process.argv[2]);
const CHUNK = 1000;
const PAUSE_MS = 5;

/** The byte at a place of a stream; neighbours differ, and no short period hides a gap. */
const byteAt = (place, seed) => Math.imul(place + seed, 0x9e3779b1) >>> 24;

const counters = { sent: 0, received: 0, wrong: 0, longestPauseMs: 0 };
let stopping = false;

function send(socket, seed) {
  let place = 0;
  const more = () => {
    if (stopping) return socket.end();
    const chunk = Uint8Array.from({ length: CHUNK }, (_, i) => byteAt(place + i, seed));
    place += CHUNK;
    counters.sent += CHUNK;
    socket.write(chunk, () => setTimeout(more, PAUSE_MS));
  };
  more();
}

function receive(socket, seed) {
  let place = 0;
  let last = performance.now();
  socket.on('data', (data) => {
    for (const byte of data) if (byte !== byteAt(place++, seed)) counters.wrong++;
    counters.received += data.length;
    const now = performance.now();
    counters.longestPauseMs = Math.max(counters.longestPauseMs, Math.round(now - last));
    last = now;
  });
}

let ends = 0;
function finish(error) {
  if (error) counters.error = error.message;
  if (!error && ++ends < 2) return;
  console.log(JSON.stringify(counters));
  process.exit(error ? 1 : 0);
}

function exchange(socket, own, other) {
  socket.on('end', () => finish()).on('error', finish);
  receive(socket, other);
  send(socket, own);
}

createServer({ allowHalfOpen: true }, (socket) => exchange(socket, 2, 1)).listen(
  PORT,
  '127.0.0.1',
  () => {
    const client = createConnection({ port: PORT, host: '127.0.0.1', allowHalfOpen: true });
    client.on('connect', () => {
      console.log('open');
      exchange(client, 1, 2);
    });
  },
);
process.stdin.once('data', () => {
  stopping = true;
});
