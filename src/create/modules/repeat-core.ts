// Building an update's modules with the commands that made the core.

import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inParallel } from '../../base/parallel.js';
import { runTool } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import { sourceNames, type TargetFiles } from '../../extract/templates.js';
import { errorLines } from '../tree/kbuild.js';
import { coreCommands, toCompile, toMake, toModpost } from './core-commands.js';
import { isExpected } from './expected-warnings.js';

/** Every .ko has it since Linux 6.14, or 6.12 with Debian's changes; it is the same in all. */
const COMMON = '.module-common.o';

/**
 * Makes the modules of which writeModuleSources() wrote the sources, as kbuild would.
 * @param core the core's directory
 * @param build where its commands were run
 * @param symvers Module.symvers files of other modules that these use
 * @returns whether it was done; if not, kbuild has to tell why
 */
export async function repeatForModules(
  core: string,
  build: string,
  directory: string,
  targets: readonly TargetFiles[],
  symvers: readonly string[],
  jobs: number,
  ui: Ui,
): Promise<boolean> {
  const commands = coreCommands((name) => textOf(join(core, name)));
  if (commands === undefined) return false;
  const run = async (all: readonly (readonly string[])[]) => {
    for (const [program = '', ...args] of all) {
      const { status, output } = await runTool(program, args, { cwd: build, signal: ui.signal });
      const warned = errorLines(output, directory).filter((line) => /\bwarning:/.test(line));
      if (status !== 0 || !warned.every(isExpected)) {
        for (const line of errorLines(output, directory)) ui.detail(line);
        throw new Failed();
      }
    }
  };
  const modules = targets.flatMap(({ target, newModule, oldModule }) => {
    const { newSource, newObject, oldSource } = sourceNames(target);
    const units = { new: newSource.replace(/\.c$/, ''), old: oldSource.replace(/\.c$/, '') };
    const shipped = newObject.replace(/_shipped$/, '');
    copyFileSync(join(directory, newObject), join(directory, shipped));
    return [
      { module: newModule, unit: units.new, objects: [`${units.new}.o`, shipped] },
      { module: oldModule, unit: units.old, objects: [`${units.old}.o`] },
    ];
  });
  const common = join(core, COMMON);
  if (existsSync(common)) copyFileSync(common, join(directory, COMMON));
  const list = join(directory, 'modules.list');
  const place = (name: string) => `${join(directory, name)}\n`;
  writeFileSync(list, modules.map(({ module }) => place(`${module}.o`)).join(''));
  try {
    await inParallel(modules, jobs, async ({ module, unit, objects }) => {
      writeFileSync(join(directory, `${module}.mod`), objects.map(place).join(''));
      const compile = toCompile(commands, directory, unit, module);
      await run(compile);
      // modpost looks for versions of exports there; these objects have none.
      const made = join(directory, `${unit}.o`);
      const text = `cmd_${made} := ${compile.map((words) => words.join(' ')).join('; ')}\n`;
      writeFileSync(join(directory, `.${unit}.o.cmd`), text);
      await run(toMake(commands, 'link', directory, module));
    });
    await run([toModpost(commands, directory, list, symvers)]);
    await inParallel(modules, jobs, async ({ module }) => {
      await run(toMake(commands, 'compileRest', directory, module));
      await run(toMake(commands, 'finish', directory, module));
    });
    return true;
  } catch (error) {
    if (error instanceof Failed) return false;
    throw error;
  }
}

/** A command that did not do what was wanted. */
class Failed extends Error {}

function textOf(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
