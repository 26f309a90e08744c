// The emulated machine itself: QEMU without KVM, so that the tests need no
// hardware support and every run sees the same CPU.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modulesDirectory, type TestKernel, vmlinuz } from '../../kernels/kernel.js';
import { type Share, shareArguments } from './share.js';

/** This folder, by the same path on the host and in the guest. */
export const HARNESS = dirname(fileURLToPath(import.meta.url));

export interface MachineOptions {
  kernel: TestKernel;
  /** started, if it has to be (`startShare`) */
  share: Share;
  /** a folder of this run: initramfs, socket, console log */
  folder: string;
  smp: number;
  memoryMb: number;
  /** QEMU model and flags */
  cpu: string;
  /** each CPU has a thread of the host; otherwise they take turns on one */
  parallel: boolean;
  /** further words for the kernel command line */
  append: readonly string[];
  /** a raw image, /dev/vda in the guest */
  disk?: string;
  /** a port of the host's loopback that leads to the guest's port 22 */
  sshPort?: number;
  /** a network of QEMU's own, in which this machine is 10.0.2.2 */
  network: boolean;
  /** has a monitor at `monitorPath(folder)` */
  monitor?: boolean;
  /** a file with the state to begin with, as of snapshot.ts */
  state?: string | undefined;
  /** QEMU is killed after this time, even if this process is no longer there to do it */
  timeoutMs: number;
}

export function consolePath(folder: string): string {
  return join(folder, 'console.log');
}

export function initramfsPath(folder: string): string {
  return join(folder, 'initramfs.cpio');
}

export function socketPath(folder: string): string {
  return join(folder, 'channel');
}

export function monitorPath(folder: string): string {
  return join(folder, 'monitor');
}

/** Starts QEMU; `initramfsPath(folder)` exists and `socketPath(folder)` is listened on. */
export function startMachine(options: MachineOptions): ChildProcess {
  const log = openSync(join(options.folder, 'qemu.log'), 'w');
  // A test runner that is killed must not leave an emulator behind that eats a
  // core: each process of the chain goes with its parent, and timeout(1) bounds
  // the time even if a timer of ours never fires.
  const goesWithParent = ['--pdeathsig', 'KILL'];
  const seconds = Math.ceil(options.timeoutMs / 1000);
  const child = spawn(
    'setpriv',
    [
      ...[...goesWithParent, 'timeout', '--kill-after=5', `${seconds}`],
      ...['setpriv', ...goesWithParent, 'qemu-system-x86_64', ...qemuArguments(options)],
      ...(options.monitor
        ? ['-monitor', `unix:${monitorPath(options.folder)},server=on,wait=off`]
        : []),
      ...(options.state === undefined ? [] : ['-incoming', `exec:cat '${options.state}'`]),
    ],
    { stdio: ['ignore', log, log] },
  );
  closeSync(log);
  return child;
}

/** Of the machine itself: two with the same arguments can go on from one another's state. */
export function qemuArguments(options: MachineOptions): string[] {
  const { kernel, share, folder, smp, memoryMb, cpu, parallel, append, disk, network } = options;
  const forward = `hostfwd=tcp:127.0.0.1:${options.sshPort}-:22`;
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-accel', `tcg,thread=${parallel ? 'multi' : 'single'}`, '-cpu', cpu],
    ...['-m', `${memoryMb}M`, '-smp', `${smp}`],
    ...['-kernel', vmlinuz(kernel), '-initrd', initramfsPath(folder)],
    ...['-append', commandLine(kernel, share, append)],
    ...['-serial', `file:${consolePath(folder)}`],
    ...shareArguments(share, folder, memoryMb),
    ...['-device', 'virtio-serial-pci'],
    ...['-chardev', `socket,id=channel,path=${socketPath(folder)}`],
    ...['-device', 'virtserialport,chardev=channel,name=ksplice-test'],
    // The guest reaches nothing: only what was forwarded comes in.
    ...(options.sshPort === undefined
      ? []
      : ['-nic', `user,restrict=on,model=virtio-net-pci,${forward}`]),
    ...(disk === undefined ? [] : ['-drive', `file=${disk},format=raw,if=virtio`]),
    ...(network ? ['-nic', 'user,model=virtio-net-pci'] : []),
  ];
}

/**
 * No watchdogs: on a busy host the emulator can stand still for longer than they
 * accept, and every wait of the harness has its own bound; for the same reason
 * the timer's interrupts are not counted at boot. A large log buffer and
 * unlimited /dev/kmsg, because the log is evidence.
 */
function commandLine(kernel: TestKernel, share: Share, append: readonly string[]): string {
  return [
    'console=ttyS0',
    'quiet',
    'panic=-1',
    'oops=panic',
    'nowatchdog',
    'no_timer_check',
    'rcupdate.rcu_cpu_stall_suppress=1',
    'log_buf_len=4M',
    'printk.devkmsg=on',
    `ksplice.share=${share}`,
    `ksplice.harness=${HARNESS}`,
    `ksplice.node=${process.execPath}`,
    `ksplice.modules=${modulesDirectory(kernel)}`,
    ...append,
  ].join(' ');
}
