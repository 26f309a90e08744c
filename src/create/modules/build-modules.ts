// Building modules against the distribution's headers.

import { KspliceError } from '../../base/errors.js';
import { runTool } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import type { Confdir } from '../../configure/confdir.js';
import { errorLines, missingPackages, readBuildHeaders, withoutDebugInfo } from '../tree/kbuild.js';
import { isExpected } from './expected-warnings.js';

/**
 * Runs kbuild in a directory with a Kbuild file.
 * @param symvers Module.symvers files of other modules that these use
 * @throws KspliceError `command-failed`
 */
export async function buildModules(
  confdir: Confdir,
  directory: string,
  symvers: readonly string[],
  jobs: number,
  ui: Ui,
): Promise<void> {
  const args = ['-C', confdir.build, `M=${directory}`, '--no-print-directory', `-j${jobs}`];
  // Without debug information: nothing reads it, and it is most of a module's size.
  args.push('KBUILD_MODPOST_WARN=1');
  args.push(...confdir.flags, ...withoutDebugInfo(confdir.flags));
  if (symvers.length > 0) args.push(`KBUILD_EXTRA_SYMBOLS=${symvers.join(' ')}`);
  const result = await runTool('make', [...args, 'modules'], {
    cwd: directory,
    signal: ui.signal,
    onLine: (line) => ui.detail(line),
  });
  const lines = errorLines(result.output, directory).filter((line) => !isExpected(line));
  if (result.status === 0) {
    for (const line of lines) if (/warning/i.test(line)) ui.warn(line);
    return;
  }
  const { compiler } = readBuildHeaders(confdir.build, confdir.release, confdir.flags);
  const packages = missingPackages(result.output, compiler);
  if (packages.length > 0) {
    throw new KspliceError('missing-tool', `building modules needs ${packages.join(', ')}`, {
      advice: `Install: apt-get install ${packages.join(' ')}`,
      details: { packages },
    });
  }
  throw new KspliceError('command-failed', `kbuild failed:\n${lines.slice(-20).join('\n')}`, {
    advice: 'Run the command again with -v to see the whole output of make.',
    details: { lines },
  });
}
