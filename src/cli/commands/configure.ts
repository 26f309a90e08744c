import { KspliceError } from '../../base/errors.js';
import { configure } from '../../configure/configure.js';
import { defineCommand, type Options, type Values } from '../command.js';

const positionals = {
  confdir: {
    type: 'string',
    demandOption: true,
    describe: 'The directory to write; an existing flags file in it is kept',
  },
} as const satisfies Options;

const options = {
  kernel: {
    type: 'string',
    requiresArg: true,
    describe:
      "The kernel's release, as uname -r prints it (default: the release of the build, of the image, or of the running kernel)",
  },
  build: {
    type: 'string',
    requiresArg: true,
    describe:
      'For a kernel of your own: the directory where it was built, the one of O= (default: the directory to which /lib/modules/RELEASE/build leads)',
  },
  source: {
    type: 'string',
    requiresArg: true,
    describe:
      "The kernel's source (default: the source that it was built from, otherwise /usr/src/linux-source-X.Y, which is unpacked if necessary)",
  },
  'no-source': {
    type: 'boolean',
    describe: 'Use no source; this is enough for create --module',
  },
  image: {
    type: 'string',
    requiresArg: true,
    describe:
      'The image package (unpacked or .deb), a build, or a capture (default: / if the image is installed)',
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'configure <confdir>',
  describe: 'Collect the data about a kernel that create needs',
  positionals,
  options,
  examples: [
    ['ksplice-ts configure conf', 'configure for the running kernel'],
    [
      'ksplice-ts configure conf --image linux-image-6.1.0-56-amd64-unsigned_6.1.192-2_amd64.deb',
      'configure for a kernel that is not installed here',
    ],
    ['ksplice-ts configure conf --build ~/build-6.1', 'configure for a kernel of your own'],
    [
      'ksplice-ts configure conf --no-source',
      'configure without source, to patch modules from their directories',
    ],
  ],
  run: async (args, ui) => {
    const { confdir } = args;
    const done = await configure(
      {
        confdir,
        release: args.kernel,
        build: args.build,
        source: sourceOf(args),
        image: args.image,
      },
      ui,
    );
    const { release, headers, source, image, systemMap, symbols } = done;
    return {
      json: {
        confdir,
        release,
        version: headers.packageVersion ?? null,
        headers: headers.dir,
        source: source?.dir ?? null,
        image: image ?? null,
        systemMap: { origin: systemMap, symbols },
        compiler: headers.compiler ?? null,
      },
      text: [
        `${confdir} is configured for ${release}${headers.packageVersion ? ` (${headers.packageVersion})` : ''}.`,
        `  headers   ${headers.dir}`,
        `  source    ${source ? `${source.dir} (${source.version})` : 'none: only create --module is possible'}`,
        `  image     ${image ?? 'none: updates cannot be proved before they are applied'}`,
        `  symbols   ${symbols}, from ${systemMap}`,
        `  compiler  ${headers.compiler ?? 'not known'}`,
      ],
    };
  },
});

function sourceOf(args: Values<typeof options>): string | null | undefined {
  if (args['no-source'] !== true) return args.source;
  if (args.source === undefined) return null;
  throw new KspliceError('usage', '--source and --no-source exclude each other');
}
