// The faults that are injected, and how: most by an `insmod` and `rmmod` that do
// something besides, before or after the real one.

import type { Finished, Guest } from '../harness/index.js';
import { toolLine } from '../ksplice.js';

export const ID = 'faulttest';
const NEW = `ksplice_${ID}_sctp_new`;
const OLD = `ksplice_${ID}_sctp_old`;
const PATIENT = { timeoutMs: 600_000 };

export interface Fault {
  readonly during: 'apply' | 'undo';
  /** For the table. */
  readonly step: string;
  readonly fault: string;
  /** Runs the call that meets the fault. */
  readonly run: (guest: Guest, archive: string) => Promise<Finished>;
}

/** Makes the programs that are run in place of insmod and rmmod. */
export async function prepare(guest: Guest): Promise<void> {
  for (const program of ['insmod', 'rmmod']) {
    const lines = [
      '#!/bin/bash',
      `name=${program}/$(basename "$1" .ko)`,
      '[[ $name != "$WHERE" || -z $BEFORE ]] || eval "$BEFORE"',
      `/usr/sbin/${program} "$@" || exit`,
      '[[ $name != "$WHERE" || -z $AFTER ]] || eval "$AFTER"',
      'exit 0',
    ];
    await guest.writeFile(`/run/test/bin/${program}`, `${lines.join('\n')}\n`, 0o755);
  }
  await guest.ok('modprobe sctp');
}

interface Trap {
  /** "insmod/MODULE" or "rmmod/MODULE" */
  readonly where: string;
  readonly before?: string;
  readonly after?: string;
}

function trapped(command: string, { where, before = '', after = '' }: Trap): string {
  return `PATH=/run/test/bin:$PATH WHERE=${where} BEFORE='${before}' AFTER='${after}' ${toolLine(command)}`;
}

function commandOf(during: Fault['during'], archive: string): string {
  return during === 'apply' ? `apply ${archive}` : `undo ${ID}`;
}

const withTrap =
  (during: 'apply' | 'undo', trap: Trap): Fault['run'] =>
  (guest, archive) =>
    guest.run(trapped(commandOf(during, archive), trap), PATIENT);

// The parent of insmod is the shell that holds the lock, and that one's the tool.
const SHELL = '$PPID';
const TOOL = '$(ps -o ppid= -p $PPID)';

const KILLS: readonly (readonly [string, string])[] = [
  ['SIGINT to the tool', `kill -INT ${TOOL}`],
  ['SIGTERM to the tool', `kill -TERM ${TOOL}`],
  ['SIGKILL to the tool', `kill -KILL ${TOOL}`],
  ['SIGKILL to its shell', `kill -KILL ${SHELL}`],
];

/** In `npm test`: the worst of the kills at two steps, and one of each other kind. */
function isInShortRun({ during, step, fault }: Fault): boolean {
  if (fault === 'SIGKILL to the tool') return /^the (new code is|switch)/.test(step);
  if (KILLS.some(([kill]) => kill === fault)) return false;
  if (fault === 'insmod fails') return step === 'the new code is loaded';
  return during === 'apply' && !/an undo|inodes/.test(fault);
}

const LOADS = [
  ['the core is loaded', 'insmod/ksplice'],
  ['the old code is loaded', `insmod/${OLD}`],
  ['the new code is loaded', `insmod/${NEW}`],
] as const;

const killedWhileLoading = LOADS.flatMap(([step, where]) =>
  KILLS.map(([fault, after]): Fault => {
    return { during: 'apply', step, fault, run: withTrap('apply', { where, after }) };
  }),
);

const killedAfterSwitch = KILLS.map(([fault, after]): Fault => {
  const run = withTrap('apply', { where: `rmmod/${OLD}`, after });
  return { during: 'apply', step: 'the switch is made, the old code unloaded', fault, run };
});

const refusedModules = LOADS.map(([step, where]): Fault => {
  const before = 'echo refused >&2; exit 1';
  return {
    during: 'apply',
    step,
    fault: 'insmod fails',
    run: withTrap('apply', { where, before }),
  };
});

const UNLOADS = [
  ['the new code is unloaded', `rmmod/${NEW}`],
  ['the core is unloaded', 'rmmod/ksplice'],
] as const;

const killedWhileUndoing = UNLOADS.flatMap(([step, where]) =>
  KILLS.map(([fault, after]): Fault => {
    return { during: 'undo', step, fault, run: withTrap('undo', { where, after }) };
  }),
);

/** A file system that is full at some point. The call is told of it with `variables`, if need be. */
function fullDisk(
  step: string,
  fault: string,
  place: string,
  options: string,
  variables = '',
): Fault {
  return {
    during: 'apply',
    step,
    fault,
    run: async (guest, archive) => {
      await guest.ok(`mkdir -p ${place} && mount -t tmpfs -o mode=700,${options} x ${place}`);
      try {
        return await guest.run(`${variables} ${toolLine(`apply ${archive}`)}`, PATIENT);
      } finally {
        await guest.ok(`umount ${place}`);
      }
    },
  };
}

const FULL = '/run/test/full';

const fullDisks = [
  fullDisk('the core is loaded', '/run/ksplice has 64 KB', '/run/ksplice', 'size=64k'),
  // The directory itself, the lock, and the directory and file of a module: no more.
  fullDisk('the state is written', '/run/ksplice has no inodes', '/run/ksplice', 'nr_inodes=4'),
  // Not /tmp itself: what is tested may be there.
  fullDisk('all', '$TMPDIR is full', FULL, 'size=4k,nr_inodes=1', `TMPDIR=${FULL}`),
];

/** What the tool tells of its progress goes to a disk that is full. */
const fullLogs = (['apply', 'undo'] as const).map((during): Fault => {
  const run: Fault['run'] = (guest, archive) =>
    guest.run(`${toolLine(commandOf(during, archive))} 2>/dev/full`, PATIENT);
  return { during, step: 'all', fault: 'the log, stderr, is on a full disk', run };
});

/** The connection of whoever called it is lost: SIGHUP, and errors where it writes to the terminal. */
const lostTerminals = (
  [
    ['apply', LOADS[1]],
    ['undo', UNLOADS[0]],
  ] as const
).map(([during, [step, where]]): Fault => {
  const run: Fault['run'] = async (guest, archive) => {
    const trap = { where, after: 'kill -KILL $(pidof script); sleep 0.5' };
    const call = trapped(commandOf(during, archive), trap);
    await guest.writeFile('/run/test/call', `${call} >/run/test/said\n`);
    await guest.run("rm -f /run/test/said; script -qec 'bash /run/test/call' /dev/null");
    const answer = 'until test -s /run/test/said; do sleep 0.1; done; cat /run/test/said';
    return guest.run(`${answer}; grep -q '"ok":true' /run/test/said`, PATIENT);
  };
  return { during, step, fault: 'its terminal is gone', run };
});

/** A second call while the first one holds the lock. */
function meanwhile(command: (archive: string) => string, fault: string): Fault {
  return {
    during: 'apply',
    step: 'the old code is loaded',
    fault,
    run: async (guest, archive) => {
      const second = `${toolLine(command(archive))} >/run/test/second 2>/dev/null`;
      const trap = { where: `insmod/${OLD}`, after: second };
      const ended = await guest.run(trapped(`apply ${archive}`, trap), PATIENT);
      const said = JSON.parse(await guest.ok('cat /run/test/second')) as {
        error?: { code: string };
      };
      if (said.error?.code !== 'busy') throw new Error(`the second: ${JSON.stringify(said)}`);
      return ended;
    },
  };
}

const twoAtOnce = [
  meanwhile((archive) => `apply ${archive}`, 'another apply, which is told `busy`'),
  meanwhile(() => `undo ${ID}`, 'an undo, which is told `busy`'),
];

export const FAULTS: readonly Fault[] = [
  ...killedWhileLoading,
  ...refusedModules,
  ...fullDisks,
  ...fullLogs,
  ...lostTerminals,
  ...twoAtOnce,
  ...killedAfterSwitch,
  ...killedWhileUndoing,
];

export const SHORT_RUN = FAULTS.filter(isInShortRun);
