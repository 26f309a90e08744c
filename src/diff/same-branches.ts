// Code that shares a section calls and jumps to its neighbours without
// relocations: the assembler knows the distance. When one function of
// .noinstr.text grows, those distances change in all others. They are looked at
// only when bytes of such code differ.

import { machine } from '../arch/index.js';
import type { Correlation } from './correlation.js';
import type { Hole } from './extents.js';
import type { Part, Parts } from './parts.js';
import type { Side } from './side.js';

/** The displacements of branches that lead to the same place in both objects. */
export function displacementsToSame(
  preSide: Side,
  postSide: Side,
  correlation: Correlation,
  pre: Part,
  post: Part,
): Hole[] {
  if (!sharesSection(preSide.parts, pre) && !sharesSection(postSide.parts, post)) return [];
  const others = new Map(
    machine.code
      .nearBranches(post.section, post.start, post.end)
      .map((branch) => [branch.field - post.start, branch]),
  );
  return machine.code
    .nearBranches(pre.section, pre.start, pre.end)
    .filter((branch) => {
      const other = others.get(branch.field - pre.start);
      if (!other || other.width !== branch.width) return false;
      const from = preSide.parts.at(pre.section, branch.target);
      const to = postSide.parts.at(post.section, other.target);
      if (!from || !to) return false;
      return (
        correlation.postOf(from) === to && branch.target - from.start === other.target - to.start
      );
    })
    .map((branch) => ({ offset: branch.field, length: branch.width }));
}

function sharesSection(parts: Parts, part: Part): boolean {
  return part.isFunction && parts.inSection(part.section).length > 1;
}
