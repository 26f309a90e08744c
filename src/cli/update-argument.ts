import type { Option } from './command.js';

/** An update that a command reads, as yargs wants it described. */
export const updateArgument = {
  type: 'string',
  demandOption: true,
  describe: 'A ksplice-ID.tar.gz, or the directory to which it was unpacked',
} as const satisfies Option;
