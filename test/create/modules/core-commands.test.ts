import { describe, expect, it } from 'vitest';
import {
  coreCommands,
  toCompile,
  toMake,
  toModpost,
} from '../../../src/create/modules/core-commands.js';

const OLD = '/cache/ksplice/core/6.1.0-1f.42';

/** As kbuild leaves them beside the core, shortened. */
const FILES: Record<string, string> = {
  '.whole.o.cmd': `savedcmd_${OLD}/whole.o := gcc-12 -Wp,-MMD,${OLD}/.whole.o.d -I/home/ksplice/whole/include -g0 -DKSPLICE_OWN_SHADOW -DMODULE  -DKBUILD_BASENAME='"whole"' -DKBUILD_MODNAME='"ksplice"' -D__KBUILD_MODNAME=kmod_ksplice -c -o ${OLD}/whole.o ${OLD}/whole.c  ; ./tools/objtool/objtool --orc --module ${OLD}/whole.o\n\nsource_x := y\n`,
  '.ksplice.o.cmd': `cmd_${OLD}/ksplice.o := ld -r -o ${OLD}/ksplice.o @${OLD}/ksplice.mod\n`,
  '.Module.symvers.cmd': `cmd_${OLD}/Module.symvers :=  sed 's/ko$$/o/'  ${OLD}/modules.order | scripts/mod/modpost -m -o ${OLD}/Module.symvers -e -i Module.symvers -w -T - \n`,
  '.ksplice.mod.o.cmd': `cmd_${OLD}/ksplice.mod.o := gcc-12 -Wp,-MMD,${OLD}/.ksplice.mod.o.d -DMODULE -DKBUILD_BASENAME='"ksplice.mod"' -DKBUILD_MODNAME='"ksplice"' -c -o ${OLD}/ksplice.mod.o ${OLD}/ksplice.mod.c\n`,
  '.ksplice.ko.cmd': `cmd_${OLD}/ksplice.ko := ld -r -T arch/x86/module.lds -o ${OLD}/ksplice.ko ${OLD}/ksplice.o ${OLD}/ksplice.mod.o;  true\n`,
};

const commandsOf = (changes: Record<string, string | undefined> = {}) =>
  coreCommands((name) => ({ ...FILES, ...changes })[name]);

describe("the core's commands", () => {
  const commands = commandsOf()!;
  const [place, module] = ['/run/5', 'ksplice_a_whole_new'];

  it('compile a file of another module, in its name', () => {
    expect(toCompile(commands, place, 'new_whole', module)).toEqual([
      [
        'gcc-12',
        '-I/home/ksplice/whole/include',
        '-g0',
        '-I/run/5',
        '-Wa,-I/run/5',
        '-DMODULE',
        '-DKBUILD_BASENAME="new_whole"',
        `-DKBUILD_MODNAME="${module}"`,
        `-D__KBUILD_MODNAME=kmod_${module}`,
        '-c',
        '-o',
        '/run/5/new_whole.o',
        '/run/5/new_whole.c',
      ],
      ['./tools/objtool/objtool', '--orc', '--module', '/run/5/new_whole.o'],
    ]);
  });

  it('link it, and make the module', () => {
    expect(toMake(commands, 'link', place, module)).toEqual([
      ['ld', '-r', '-o', `/run/5/${module}.o`, `@/run/5/${module}.mod`],
    ]);
    expect(toMake(commands, 'compileRest', place, module)[0]).toContain(
      `-DKBUILD_BASENAME="${module}.mod"`,
    );
    const [link] = toMake(commands, 'finish', place, module);
    expect(link?.slice(-3)).toEqual(
      [`${module}.ko`, `${module}.o`, `${module}.mod.o`].map((name) => `/run/5/${name}`),
    );
  });

  it('call modpost with a list, and with what other modules export', () => {
    expect(toModpost(commands, place, '/run/5/list', ['/core/Module.symvers'])).toEqual(
      'scripts/mod/modpost -m -o /run/5/Module.symvers -e -i Module.symvers -w -i /core/Module.symvers -T /run/5/list'.split(
        ' ',
      ),
    );
  });

  it.each([
    ['a file is missing', { '.whole.o.cmd': undefined }],
    ['names are relative', { '.ksplice.ko.cmd': 'cmd_ksplice.ko := ld -r -o ksplice.ko\n' }],
    [
      'a command is not a simple one',
      { '.ksplice.o.cmd': `cmd_x := ld -r -o ${OLD}/ksplice.o @${OLD}/ksplice.mod > x\n` },
    ],
    [
      'objects are linked by name',
      { '.ksplice.o.cmd': `cmd_x := ld -r -o ${OLD}/ksplice.o ${OLD}/whole.o\n` },
    ],
    [
      'modpost sums up the sources',
      { '.Module.symvers.cmd': FILES['.Module.symvers.cmd']!.replace('-m', '-m -a') },
    ],
  ])('are not taken where %s', (_, changes) => {
    expect(commandsOf(changes)).toBe(undefined);
  });
});
