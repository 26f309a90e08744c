// status: what a host runs, for people, scripts, Prometheus and scanners.

import { KspliceError } from '../../base/errors.js';
import { Host } from '../../host/host.js';
import { prometheusText } from '../../status/prometheus.js';
import { EXIT_STATUS, readStatus, type Status } from '../../status/status.js';
import type { UpdateStatus } from '../../status/updates.js';
import { vexDocument } from '../../status/vex.js';
import { fixLines, isEmpty, NO_FIXES } from '../../update/fixes.js';
import { defineCommand, type Options } from '../command.js';
import { writeOutputFile } from '../output-file.js';

const options = {
  prometheus: {
    type: 'boolean',
    conflicts: 'vex',
    describe: "Print metrics for the textfile collector of Prometheus' node_exporter",
  },
  vex: {
    type: 'boolean',
    conflicts: 'json',
    describe: 'Print an OpenVEX document with a statement for each CVE that is fixed',
  },
  output: {
    type: 'string',
    requiresArg: true,
    describe: 'Write what is printed into FILE instead, whole or not at all',
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'status',
  describe: 'Show the running kernel, its updates, what they fix, and whether all is well',
  positionals: {},
  options,
  examples: [
    ['sudo ksplice-ts status', 'show all; the exit status says whether all is well'],
    [
      'sudo ksplice-ts status --prometheus --output /var/lib/prometheus/node-exporter/ksplice.prom',
      'write metrics, for example from a timer',
    ],
    ['sudo ksplice-ts status --vex', 'tell a scanner which CVEs are fixed in memory'],
  ],
  run: async ({ prometheus, vex, json, output }, ui) => {
    if (prometheus === true && json === true) {
      throw new KspliceError('usage', 'arguments prometheus and json are mutually exclusive', {
        advice: 'Choose one of them.',
      });
    }
    const status = await readStatus(new Host(), ui);
    const text = textOf(status, { prometheus, vex, json });
    if (output !== undefined) await writeOutputFile(output, `${text.join('\n')}\n`, '--output');
    const printed = output === undefined ? text : [`The status is in ${output}`];
    const shown = output === undefined ? { ...status } : { verdict: status.verdict, output };
    return { json: shown, text: printed, exitStatus: EXIT_STATUS[status.verdict] };
  },
});

interface Form {
  readonly prometheus: boolean | undefined;
  readonly vex: boolean | undefined;
  readonly json: boolean | undefined;
}

function textOf(status: Status, { prometheus, vex, json }: Form): string[] {
  const now = new Date();
  if (prometheus)
    return prometheusText(status, now.getTime() / 1000)
      .trimEnd()
      .split('\n');
  if (vex) return JSON.stringify(vexDocument(status, now.toISOString()), null, 2).split('\n');
  return json ? [JSON.stringify({ ok: true, ...status })] : describeStatus(status);
}

/** For people. */
export function describeStatus(status: Status): string[] {
  const { kernel, effectiveVersion, updates, fixes, reboot, taint, health } = status;
  const flags = taint.flags.map(({ letter }) => letter).join('');
  return [
    `Kernel: Linux ${kernel.release} ${kernel.version}`,
    `  build ${kernel.buildId ?? 'unknown'}`,
    `Effective version: ${effectiveVersion}`,
    ...(updates.length > 0 ? ['Updates:', ...updates.flatMap(updateLines)] : ['Updates: none']),
    ...(isEmpty(fixes) ? [] : ['All of them together:', ...fixLines(fixes).map(indent)]),
    reboot.advised ? 'A reboot is advised:' : 'A reboot is not needed.',
    ...reboot.reasons.map(({ message }) => indent(message)),
    `Taint: ${taint.value === null ? 'unknown' : taint.value === 0 ? 'none' : `${flags} (${taint.value})`}`,
    health.good ? 'Health: good' : 'Health: bad',
    ...health.problems.map(({ message }) => indent(message)),
  ];
}

function updateLines(update: UpdateStatus): string[] {
  const { id, description, waiting, fixes } = update;
  const [first = ''] = (description ?? '(its description is not known here)').split('\n');
  return [
    `  ${id} [${stateOf(update)}]: ${first}`,
    ...(waiting.length > 0 ? [`    when it is loaded: ${waiting.join(', ')}`] : []),
    ...fixLines(fixes ?? NO_FIXES).map((line) => `    ${line}`),
    ...(update.withdrawn === null ? [] : [`    ${update.withdrawn}`]),
    ...(update.refused === null ? [] : [`    ${update.refused}`]),
  ];
}

function stateOf({ stage, installed, withdrawn, isInForce }: UpdateStatus): string {
  const atBoot = installed && withdrawn === null;
  if (isInForce) return `${stage}, ${atBoot ? 'also at boot' : 'until the next boot'}`;
  if (withdrawn !== null) return 'withdrawn';
  return stage ?? 'installed, not applied';
}

const indent = (line: string) => `  ${line}`;
