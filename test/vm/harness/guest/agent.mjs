// Runs in the guest: takes requests from the host as JSON lines on a
// virtio-serial port and answers there, so that nothing that a program or the
// kernel prints can be taken for a verdict. See channel.ts for the messages.

import { spawn } from 'node:child_process';
import {
  createReadStream,
  createWriteStream,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

const PORT_NAME = 'ksplice-test';

/** The device of our port, found by the name that QEMU gave it. */
function portDevice() {
  for (const device of readdirSync('/sys/class/virtio-ports')) {
    const name = readFileSync(`/sys/class/virtio-ports/${device}/name`, 'utf8').trim();
    if (name === PORT_NAME) return `/dev/${device}`;
  }
  throw new Error('the guest has no virtio port for the channel');
}

const port = openSync(portDevice(), 'r+');
const output = createWriteStream('', { fd: port, autoClose: false });
const input = createReadStream('', { fd: port, autoClose: false, highWaterMark: 1 << 16 });
const processes = new Map();

function send(message) {
  return new Promise((done) => output.write(`${JSON.stringify(message)}\n`, done));
}

/** Follows the kernel log from its first record; the host does the judging. */
function followKernelLog() {
  const cat = spawn('cat', ['/dev/kmsg'], { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: cat.stdout }).on('line', (line) => send({ kmsg: line }));
  cat.on('exit', () => send({ kmsg: '3,0,0,-;harness: the kernel log was overrun' }));
}

function start({ id, command, cwd, env }) {
  // A session of its own, so that a signal reaches all that the command started.
  const child = spawn('/bin/bash', ['-c', command], {
    cwd: cwd ?? '/root',
    env: { ...process.env, ...env },
    detached: true,
  });
  processes.set(id, child);
  child.stdout.on('data', (data) => send({ id, stdout: data.toString('base64') }));
  child.stderr.on('data', (data) => send({ id, stderr: data.toString('base64') }));
  child.stdin.on('error', () => {});
  child.on('error', (error) => send({ id, exit: { error: error.message } }));
  // A daemon that the command left behind may keep the pipes open for ever:
  // after the exit, wait for the rest of the output, but not for that.
  child.on('exit', (status, signal) => {
    const finish = () => {
      if (!processes.delete(id)) return;
      send({ id, exit: { status, signal } });
    };
    child.on('close', finish);
    setTimeout(finish, 1000);
  });
}

function kill({ id, signal }) {
  const child = processes.get(id);
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // gone already
  }
}

async function answer(id, work) {
  try {
    await send({ id, done: (await work()) ?? null });
  } catch (error) {
    await send({ id, failed: error.message });
  }
}

const operations = {
  start,
  kill,
  input: ({ id, data, end }) => {
    const stdin = processes.get(id)?.stdin;
    if (data !== undefined) stdin?.write(Buffer.from(data, 'base64'));
    if (end) stdin?.end();
  },
  read: ({ id, path }) => answer(id, async () => (await readFile(path)).toString('base64')),
  write: ({ id, path, data, mode }) =>
    answer(id, async () => {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, Buffer.from(data, 'base64'), { mode });
    }),
  // Without the newline printk waits for the rest of the line, and readers do not get it.
  mark: ({ text }) => writeFileSync('/dev/kmsg', `${text}\n`),
  systemd: () => process.exit(42),
  poweroff: async () => {
    await send({ bye: true });
    writeFileSync('/proc/sysrq-trigger', 'o');
  },
};

createInterface({ input }).on('line', (line) => {
  const request = JSON.parse(line);
  operations[request.op](request);
});

followKernelLog();
send({ ready: true });
