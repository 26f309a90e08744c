import { appendFile } from 'node:fs/promises';
import { lateMessage, moduleGoing } from '../../apply/module-coming.js';
import { KspliceError } from '../../base/errors.js';
import { Host } from '../../host/host.js';
import { applyWhenLoaded } from '../../install/when-loaded.js';
import { isModuleName } from '../../update/contents.js';
import { defineCommand, type Options } from '../command.js';

const positionals = {
  event: { type: 'string', choices: ['coming', 'going'], demandOption: true },
  module: { type: 'string', demandOption: true },
} as const satisfies Options;

/** Not for users, and not in the help: the core in the kernel calls it. */
export const command = defineCommand({
  usage: 'late <event> <module>',
  describe: 'Apply what is awaited of a module that is being loaded',
  positionals,
  options: {},
  examples: [],
  run: async (args, ui) => {
    const { module } = args;
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
});
