import { KspliceError } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import { proveAgainst, type TargetProof } from '../../check/prove.js';
import { openKernelImage } from '../../kernel/kernel-files.js';
import { openLiveKernel } from '../../kernel/live.js';
import type { RunningKernel } from '../../kernel/running.js';
import { readUpdate } from '../../update/read.js';
import type { Update } from '../../update/update.js';
import { defineCommand, type Options } from '../command.js';
import { keptLines, layoutLines } from '../switch-report.js';
import { updateArgument } from '../update-argument.js';

const positionals = {
  update: updateArgument,
} as const satisfies Options;

const options = {
  live: { type: 'boolean', conflicts: 'image', describe: 'Check against the running kernel' },
  image: {
    type: 'string',
    requiresArg: true,
    describe:
      'Check against an image package (unpacked or .deb), a build, a capture, or the root directory of a host',
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'check <update>',
  describe: 'Prove that an update fits a kernel, without loading anything',
  positionals,
  options,
  examples: [
    [
      'sudo ksplice-ts check ksplice-8c4rnqv2.tar.gz --live',
      'check an update against the running kernel',
    ],
    [
      'ksplice-ts check ksplice-8c4rnqv2.tar.gz --image linux-image-6.1.0-56-amd64-unsigned_6.1.192-2_amd64.deb',
      'check an update against an image package',
    ],
  ],
  run: async (args, ui) => {
    const { image } = args;
    if (image === undefined && args.live !== true) {
      throw new KspliceError('usage', 'check needs --live or --image PATH', {
        advice: '--live compares with the running kernel, --image with files.',
      });
    }
    ui.stage('reading the update');
    const update = await readUpdate(args.update);
    const kernel =
      image === undefined ? await openLiveKernel(ui) : await openImage(image, update, ui);
    const proof = proveAgainst(update, kernel, ui);
    return {
      json: { ...proof, allowLayout: update.allowLayout, addressesOut: update.addressesOut },
      text: [
        `Update ${proof.id} fits ${proof.kernel} (${proof.release}).`,
        ...proof.targets.flatMap(targetLines),
        ...layoutLines(update.allowLayout),
        ...keptLines(update.addressesOut),
      ],
    };
  },
});

async function openImage(path: string, update: Update, ui: Ui): Promise<RunningKernel> {
  ui.stage(`reading the kernel image in ${path}`);
  const modules = update.contents.changes.map(({ target }) => target);
  const { kernel } = await openKernelImage(path, ui, { modules, prefer: update.kernel.release });
  return kernel;
}

function targetLines(proof: TargetProof): string[] {
  const { target, functions, replaced, bytes, inferred, unverified, resolved, references } = proof;
  const lines = [
    `  ${target}: ${functions} functions and their data match, ${bytes} bytes; ${replaced} will be replaced`,
    `    ${inferred} addresses inferred, without contradiction`,
    `    ${resolved} symbols of the new code found by name, ${references} places compared with the inferred addresses`,
  ];
  if (unverified > 0)
    lines.push(`    ${unverified} pieces that nothing refers to were not compared`);
  return lines;
}
