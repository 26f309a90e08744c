// A status for Prometheus: the text format that node_exporter's textfile collector reads
// (prometheus.io/docs/instrumenting/exposition_formats).

import { EXIT_STATUS, fixedCves, type Status } from './status.js';

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];
}

/** @param now seconds since 1970 */
export function prometheusText(status: Status, now: number): string {
  return metrics(status, now).map(metricText).join('');
}

function metrics(status: Status, now: number): Metric[] {
  const { kernel, updates, reboot, taint, health, effectiveVersion, verdict } = status;
  const labels = {
    release: kernel.release,
    build_id: kernel.buildId ?? '',
    effective_version: effectiveVersion,
  };
  const one = (name: string, help: string, value: number): Metric => ({
    name,
    help,
    samples: [[{}, value]],
  });
  return [
    { name: 'ksplice_kernel_info', help: 'The kernel that runs.', samples: [[labels, 1]] },
    {
      name: 'ksplice_update_applied',
      help: 'Whether an update is in force (1), or only installed, undone or not finished (0).',
      samples: updates.map(({ id, stage, installed, withdrawn, isInForce }) => [
        {
          id,
          stage: stage ?? 'none',
          installed: String(installed),
          withdrawn: String(withdrawn !== null),
        },
        Number(isInForce),
      ]),
    },
    {
      name: 'ksplice_update_applied_timestamp_seconds',
      help: 'When an update was applied.',
      samples: updates.flatMap(({ id, applied }) =>
        applied === null || Number.isNaN(Date.parse(applied))
          ? []
          : [[{ id }, Date.parse(applied) / 1000] as const],
      ),
    },
    {
      name: 'ksplice_fixed_cve',
      help: 'A vulnerability that an applied update fixes.',
      samples: [...fixedCves(status)].flatMap(([cve, by]) =>
        by.map(({ id }) => [{ cve, id }, 1] as const),
      ),
    },
    one('ksplice_reboot_advised', 'Whether a reboot is advised.', Number(reboot.advised)),
    one(
      'ksplice_healthy',
      'Whether nothing is wrong since updates were applied.',
      Number(health.good),
    ),
    one('ksplice_taint', 'The taint flags of the kernel, as a number.', taint.value ?? Number.NaN),
    one('ksplice_status', 'The exit status of ksplice-ts status.', EXIT_STATUS[verdict]),
    one('ksplice_status_timestamp_seconds', 'When this was found out.', now),
  ];
}

function metricText({ name, help, samples }: Metric): string {
  if (samples.length === 0) return '';
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
  });
  return [`# HELP ${name} ${help}\n`, `# TYPE ${name} gauge\n`, ...lines].join('');
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
