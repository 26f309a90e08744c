// Which kernels can be patched, as far as their configuration tells: options that
// ksplice-ts needs, and options that make the compiler's or the linker's work
// something that cannot be compared. Whatever is in the way is named, all of it.

import { machine } from '../arch/index.js';
import type { Problem } from '../base/errors.js';

interface Rule {
  /** CONFIG_ names without the prefix; one of them has to be set, or none must be. */
  readonly options: readonly string[];
  readonly why: string;
}

const NEEDED: readonly Rule[] = [
  { options: [machine.tree.option], why: `only ${machine.label} is supported` },
  { options: ['SMP'], why: 'the switch is made for several processors' },
  { options: ['MODULES'], why: 'updates are modules' },
  { options: ['MODULE_UNLOAD'], why: 'undo unloads modules' },
  { options: ['KALLSYMS_ALL'], why: 'symbols are found by name, symbols of data too' },
  { options: ['STACKTRACE'], why: 'all stacks are looked at before the switch' },
  { options: ['UNWINDER_ORC'], why: 'stacks are walked with the ORC unwinder' },
  { options: ['SYSFS'], why: 'the core is driven through sysfs' },
  { options: ['PROC_FS'], why: 'kallsyms and the list of modules are read from /proc' },
];

const RANDOM_LAYOUT = 'the layout of structures is random in each build';
const LINK_TIME = 'functions are compiled when the kernel is linked, not object by object';

const HINDERING: readonly Rule[] = [
  {
    options: ['CFI_CLANG', 'CFI'],
    why: 'each call checks a value that clang writes before functions',
  },
  { options: ['LTO', 'LTO_CLANG', 'LTO_CLANG_FULL', 'LTO_CLANG_THIN', 'LTO_GCC'], why: LINK_TIME },
  { options: ['AUTOFDO_CLANG', 'PROPELLER_CLANG'], why: LINK_TIME },
  { options: ['RANDSTRUCT', 'GCC_PLUGIN_RANDSTRUCT'], why: RANDOM_LAYOUT },
  { options: ['RANDSTRUCT_FULL', 'RANDSTRUCT_PERFORMANCE'], why: RANDOM_LAYOUT },
  {
    options: ['GCC_PLUGIN_LATENT_ENTROPY'],
    why: 'the compiler writes random numbers into the code',
  },
  {
    options: ['LD_DEAD_CODE_DATA_ELIMINATION', 'FG_KASLR'],
    why: 'each function has a section of its own, and the linker or the boot code moves it',
  },
];

/** Why a kernel of that configuration cannot be patched. */
export function supportProblems(config: string): Problem[] {
  const set = new Map<string, string>();
  for (const [, name, value] of config.matchAll(/^CONFIG_(\w+)=(.*)$/gm)) set.set(name!, value!);
  const on = (name: string) => set.has(name) && set.get(name) !== 'n';
  const problem = (message: string, advice: string): Problem => ({
    code: 'kernel-mismatch',
    message,
    advice,
  });
  const missing = NEEDED.filter(({ options }) => !options.some(on)).map(({ options, why }) =>
    problem(
      `the kernel has no CONFIG_${options[0]}: ${why}`,
      `Build and boot a kernel with CONFIG_${options[0]}=y.`,
    ),
  );
  if (on('FUNCTION_TRACER') && !on('DYNAMIC_FTRACE')) {
    missing.push(
      problem(
        'the kernel has CONFIG_FUNCTION_TRACER without CONFIG_DYNAMIC_FTRACE: every function begins with a call that is never switched off',
        'Build and boot a kernel with both, or with neither.',
      ),
    );
  }
  const hindering = HINDERING.flatMap(({ options, why }) =>
    options
      .filter(on)
      .slice(0, 1)
      .map((name) =>
        problem(
          `the kernel has CONFIG_${name}: ${why}`,
          `Only a kernel that was built without CONFIG_${name} can be patched.`,
        ),
      ),
  );
  return [...missing, ...hindering];
}
