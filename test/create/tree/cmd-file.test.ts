import { describe, expect, it } from 'vitest';
import { KspliceError } from '../../../src/base/errors.js';
import {
  ownersOf,
  parseCmdFile,
  sectioned,
  splitShell,
} from '../../../src/create/tree/cmd-file.js';

// As kbuild 6.1 writes it, shortened.
const MODULE = `cmd_net/sctp/input.o := gcc-12 -Wp,-MMD,net/sctp/.input.o.d -I/t/include  -D"X(a)=\\#a" -DMODULE  -DKBUILD_BASENAME='"input"' -DKBUILD_MODNAME='"sctp"' -c -o net/sctp/input.o /t/net/sctp/input.c   ; ./tools/objtool/objtool --orc   --module net/sctp/input.o

source_net/sctp/input.o := /t/net/sctp/input.c

deps_net/sctp/input.o := \\
    $(wildcard include/config/IP_SCTP) \\
  /t/include/linux/types.h \\
  include/generated/asm-offsets.h \\

net/sctp/input.o: $(deps_net/sctp/input.o)

$(deps_net/sctp/input.o):
`;

describe('parseCmdFile', () => {
  it('gives commands as words and the files that were read', () => {
    const { commands, source, dependencies } = parseCmdFile(MODULE, 'x');
    expect(commands).toHaveLength(2);
    expect(commands[0]).toEqual([
      'gcc-12',
      '-Wp,-MMD,net/sctp/.input.o.d',
      '-I/t/include',
      '-DX(a)=#a',
      '-DMODULE',
      '-DKBUILD_BASENAME="input"',
      '-DKBUILD_MODNAME="sctp"',
      '-c',
      '-o',
      'net/sctp/input.o',
      '/t/net/sctp/input.c',
    ]);
    expect(commands[1]).toEqual([
      './tools/objtool/objtool',
      '--orc',
      '--module',
      'net/sctp/input.o',
    ]);
    expect(source).toBe('/t/net/sctp/input.c');
    expect(dependencies).toEqual([
      '/t/net/sctp/input.c',
      'include/config/IP_SCTP',
      '/t/include/linux/types.h',
      'include/generated/asm-offsets.h',
    ]);
  });

  it('reads the variable name of later kernels', () => {
    const later = MODULE.replace('cmd_net', 'savedcmd_net');
    expect(parseCmdFile(later, 'x')).toEqual(parseCmdFile(MODULE, 'x'));
  });

  it.each(['', 'cmd_x := gcc -c x.c', 'source_x := x.c', 'cmd_x := a | b\nsource_x := x.c'])(
    'refuses %j',
    (text) => {
      expect(() => parseCmdFile(text, 'x')).toThrow(KspliceError);
    },
  );
});

describe('splitShell', () => {
  it.each([
    [`a 'b c' "d \\"e\\" \\\\f" g\\ h`, [['a', 'b c', 'd "e" \\f', 'g h']]],
    [`-D'X="y"' ''`, [['-DX="y"', '']]],
    ['a && b; c;', [['a'], ['b'], ['c']]],
  ])('%s', (line, words) => {
    expect(splitShell(line, 'x')).toEqual(words);
  });

  it.each(['a | b', 'a > b', 'a $(b)', 'a `b`', 'a & b', "a 'b"])('refuses %s', (line) => {
    expect(() => splitShell(line, 'x')).toThrow(/cannot repeat the command/);
  });
});

describe('ownersOf', () => {
  it.each([
    [['gcc', '-DKBUILD_MODNAME="tcp_ipv4"'], ['vmlinux']],
    [['gcc', '-DMODULE', '-DKBUILD_MODNAME="sctp"'], ['sctp']],
    [
      ['gcc', '-DMODULE', '-DKBUILD_MODNAME="cifs:ksmbd"'],
      ['cifs', 'ksmbd'],
    ],
  ])('%j', (command, owners) => {
    expect(ownersOf(command)).toEqual(owners);
  });
});

describe('sectioned', () => {
  it('writes elsewhere, in sections, and leaves the dependency file alone', () => {
    const { commands } = parseCmdFile(MODULE, 'x');
    const [compile, objtool] = sectioned(commands, 'net/sctp/input.o', '/out/input.o');
    expect(compile?.some((word) => word.startsWith('-Wp,-M'))).toBe(false);
    expect(compile?.slice(-7)).toEqual([
      '-ffunction-sections',
      '-fdata-sections',
      '-g0',
      '-c',
      '-o',
      '/out/input.o',
      '/t/net/sctp/input.c',
    ]);
    expect(objtool?.at(-1)).toBe('/out/input.o');
  });

  it('leaves objtool out where it makes tables only of what is linked', () => {
    // A module of one object is linked as it is, by kernels with IBT.
    const alone = MODULE.replace('--orc   --module', '--ibt --orc  --link  --module');
    const { commands } = parseCmdFile(alone, 'x');
    expect(commands).toHaveLength(2);
    const [compile, ...others] = sectioned(commands, 'net/sctp/input.o', '/out/input.o');
    expect(compile?.[0]).toBe('gcc-12');
    expect(others).toEqual([]);
  });

  it('has no sections for assembly, which clang would refuse', () => {
    const [compile] = sectioned([['clang', '-Wp,-MMD,x', '-c', '-o', 'a.o', 'a.S']], 'a.o', 'b.o');
    expect(compile).toEqual(['clang', '-g0', '-c', '-o', 'b.o', 'a.S']);
  });
});
