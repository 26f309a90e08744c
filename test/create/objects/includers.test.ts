import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentUi } from '../../../src/base/ui.js';
import { IncludeGraph, readIncludeGraph } from '../../../src/create/objects/includers.js';

describe('IncludeGraph', () => {
  const there = new Set<string>();
  const lines = [
    'net/sctp/input.c:#include <net/sctp/sctp.h',
    'net/sctp/proto.c:  #  include <net/sctp/sctp.h',
    'include/net/sctp/sctp.h:#include <net/sctp/structs.h',
    'include/net/sctp/structs.h:#include <net/sctp/sctp.h',
    'kernel/sched/build.c:#include "rt.c',
    'kernel/sched/sub/other.c:#include "../rt.c',
    'fs/xfs/structs.c:#include "structs.h',
    'net/entry.S:#include <net/sctp/structs.h',
    'no include at all',
  ];
  const graph = new IncludeGraph(lines, (path) => there.has(path));

  it('follows headers that include headers, also in circles', () => {
    const [changed, between] = ['include/net/sctp/structs.h', 'include/net/sctp/sctp.h'];
    expect([...graph.sourcesOf([changed])]).toEqual([
      ['fs/xfs/structs.c', [changed]],
      ['net/entry.S', [changed]],
      ['net/sctp/input.c', [between, changed]],
      ['net/sctp/proto.c', [between, changed]],
    ]);
  });

  it('finds who includes a .c file, by relative names too', () => {
    expect([...graph.sourcesOf(['kernel/sched/rt.c']).keys()]).toEqual([
      'kernel/sched/build.c',
      'kernel/sched/sub/other.c',
    ]);
  });

  it('takes what is beside a file for what its quotes mean, as the compiler does', () => {
    const tree = new Set(['mm/internal.h', 'fs/internal.h', 'fs/x/internal.h', 'net/net.h']);
    const own = new IncludeGraph(
      [
        'mm/a.c:#include "internal.h',
        'mm/sub/b.c:#include "../internal.h',
        'mm/sub/c.c:#include "internal.h',
        'fs/d.c:#include "internal.h',
        'fs/x/e.c:#include "internal.h',
        'fs/x/f.c:#include "../internal.h',
        'fs/g.c:#include <internal.h',
      ],
      (path) => tree.has(path),
    );
    const users = (header: string) => [...own.sourcesOf([header]).keys()];
    // Where nothing is beside it, and with <>, any may be meant: an option says where to look.
    const any = ['fs/g.c', 'mm/sub/c.c'];
    expect(users('mm/internal.h')).toEqual(['fs/g.c', 'mm/a.c', 'mm/sub/b.c', 'mm/sub/c.c']);
    expect(users('fs/internal.h')).toEqual(['fs/d.c', 'fs/g.c', 'fs/x/f.c', 'mm/sub/c.c']);
    expect(users('fs/x/internal.h')).toEqual(['fs/g.c', 'fs/x/e.c', 'mm/sub/c.c']);
    expect(users('net/internal.h')).toEqual(any);
  });

  it('does not take one name for the end of another', () => {
    expect(graph.sourcesOf(['include/net/my-sctp.h']).size).toBe(0);
    expect(graph.sourcesOf(['kernel/sched/start.c']).size).toBe(0);
  });
});

describe('readIncludeGraph', () => {
  it('reads all forms of #include lines in a tree', async () => {
    const tree = mkdtempSync(join(tmpdir(), 'ksplice-includes-'));
    try {
      const put = (path: string, text: string) => {
        mkdirSync(dirname(join(tree, path)), { recursive: true });
        writeFileSync(join(tree, path), text);
      };
      put('lib/a.c', '\t# include\t"x.h"  /* why */\n');
      put('mm/b.S', '#include <linux/x.h>\n');
      put('fs/c.c', '// #include "x.h"\n#define include "x.h"\n');
      put('Documentation/d.c', '#include "x.h"\n');
      const [cache, index] = [join(tree, 'cache'), join(tree, 'index')];
      const read = async () => {
        const graph = await readIncludeGraph(tree, cache, index, silentUi);
        return [...graph.sourcesOf(['include/linux/x.h']).keys()];
      };
      writeFileSync(index, '');
      utimesSync(index, 1, 1);
      expect(await read()).toEqual(['lib/a.c', 'mm/b.S']);
      put('lib/e.c', '#include "x.h"\n');
      expect(await read()).toEqual(['lib/a.c', 'mm/b.S']);
      writeFileSync(index, 'the tree has changed');
      utimesSync(cache, 1, 1);
      expect(await read()).toEqual(['lib/a.c', 'lib/e.c', 'mm/b.S']);
    } finally {
      rmSync(tree, { recursive: true, force: true });
    }
  });
});
