/**
 * The index of the first item of a sorted list that is not before what is looked for; the list's
 * length if all are.
 * @param isBefore true for the items at the front, false for the rest
 */
export function firstNotBefore<T>(list: readonly T[], isBefore: (item: T) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(list[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
