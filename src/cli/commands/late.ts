import { appendFile } from 'node:fs/promises';
import { lateMessage, moduleGoing } from '../../apply/module-coming.js';
import { KspliceError } from '../../base/errors.js';
import { Host } from '../../host/host.js';
import { applyWhenLoaded } from '../../install/when-loaded.js';
import { isModuleName } from '../../update/contents.js';
import type { Command } from '../command.js';

/** Not for users, and not in the help: the core in the kernel calls it. */
export const command: Command = {
  usage: 'late <event> <module>',
  describe: 'Apply what is awaited of a module that is being loaded',
  options: (yargs) =>
    yargs
      .positional('event', { type: 'string', choices: ['coming', 'going'], demandOption: true })
      .positional('module', { type: 'string', demandOption: true }),
  examples: [],
  run: async (args, ui) => {
    const module = String(args.module);
    if (!isModuleName(module))
      throw new KspliceError('usage', `${module} cannot be the name of a module`);
    try {
      if (args.event === 'coming') await applyWhenLoaded(module, new Host(), ui);
      else await moduleGoing(module, new Host());
    } catch (error) {
      // Nobody sees what this prints.
      if (error instanceof KspliceError) {
        await appendFile('/dev/kmsg', lateMessage(module, error)).catch(() => {});
      }
      throw error;
    }
    return { json: { module }, text: [] };
  },
};
