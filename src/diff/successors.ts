// The successor of a function that is gone, and the origin of a function that is new, as
// far as an object shows it: the function has another name and the same code; it was part
// of its caller, or is now; the compiler made another variant of it.

import type { Correlation } from './correlation.js';
import type { Mentions } from './mentions.js';
import type { Part } from './parts.js';
import { sameButForStatics } from './same-but-statics.js';

/**
 * How the code of a pre user came to be in a post user; undefined if nothing shows that it did.
 * Two that are both on both sides are neither of them a successor.
 * @param shape of static locals: only those of one shape may be one
 */
export function tookThePlaceOf(
  correlation: Correlation,
  pres: Mentions,
  posts: Mentions,
  pre: Part,
  post: Part,
  shape: (part: Part) => string,
): string | undefined {
  if (!pre.isFunction || !post.isFunction) return undefined;
  const twin = correlation.postOf(pre);
  const origin = correlation.preOf(post);
  const [was, is] = [pre.symbol.name, post.symbol.name];
  if (!twin && !origin) {
    if (plainName(was) === plainName(is)) return `used by ${was}, of which ${is} is a variant`;
    const isSame = sameButForStatics(correlation, pre, post, (a, b) => shape(a) === shape(b));
    return isSame && `used by ${was}, which is called ${is} now`;
  }
  if (!twin && origin && pres.calledBy(origin).includes(pre)) {
    return `used by ${was}, which is part of ${is} now`;
  }
  if (twin && !origin && posts.calledBy(twin).includes(post)) {
    return `used by ${was}, of which ${is} was a part`;
  }
  return undefined;
}

/** `f.isra.0` → `f` */
function plainName(name: string): string {
  return name.split('.')[0] ?? name;
}
