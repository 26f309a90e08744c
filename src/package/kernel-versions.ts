// Which version of the kernel's Debian package an update is for: dpkg compares versions, and the
// update has only the kernel's release and build id.

import { KspliceError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import { packageVersionIn } from '../configure/headers.js';
import { buildIdOf } from '../kernel/build-id.js';
import { openKernelImage } from '../kernel/kernel-files.js';
import type { Update } from '../update/update.js';

export interface VersionSources {
  /** As `configure` takes them: trees, builds, Debian packages. */
  readonly images: readonly string[];
  /** Given by hand: for updates of one kernel only. */
  readonly version: string | undefined;
}

/**
 * The version for each update, in their order.
 * @throws KspliceError `usage` if nothing says it; `kernel-mismatch` if no image is the kernel of
 *   an update; what openKernelImage() throws
 */
export async function kernelVersions(
  updates: readonly Update[],
  { images, version }: VersionSources,
  ui: Ui,
): Promise<string[]> {
  if (version === undefined) {
    const versions: string[] = [];
    for (const update of updates) versions.push(await versionByImage(update, images, ui));
    return versions;
  }
  // A release may have been built twice, as two versions.
  const kernels = new Set(updates.map(({ kernel, buildId }) => `${kernel.release} ${buildId}`));
  if (kernels.size <= 1) return updates.map(() => version);
  throw new KspliceError(
    'usage',
    `--kernel-version is for one kernel, and the updates are for ${kernels.size}`,
    { advice: 'Name the image of each with --image.' },
  );
}

async function versionByImage(update: Update, images: readonly string[], ui: Ui): Promise<string> {
  const { id, kernel, buildId } = update;
  const { release } = kernel;
  const others: string[] = [];
  for (const image of images) {
    const found = await openKernelImage(image, ui, { prefer: release });
    const built = buildIdOf(found.kernel);
    if (found.release !== release) others.push(`${image} is ${found.release}`);
    else if (buildId === undefined || built === undefined || built === buildId) {
      return kernelVersionIn(found.version);
    } else others.push(`${image} is another build of it`);
  }
  if (others.length === 0) {
    throw new KspliceError('usage', `nothing says which version of the kernel ${release} it is`, {
      advice: 'Name its image with --image, or give --kernel-version.',
    });
  }
  const message = `${id} is for ${release}, and there is no image of it: ${others.join('; ')}`;
  throw new KspliceError('kernel-mismatch', message, {
    advice: 'Name the image of each kernel with an --image of its own.',
  });
}

/**
 * The version of the kernel's package, as its image says it.
 * @param banner the version in uname(2)
 * @throws KspliceError `usage` if it does not say
 */
export function kernelVersionIn(banner: string): string {
  const version = packageVersionIn(banner);
  if (version !== undefined) return version;
  throw new KspliceError('usage', "the image does not say the version of the kernel's package", {
    advice: 'Give it with --kernel-version.',
  });
}
