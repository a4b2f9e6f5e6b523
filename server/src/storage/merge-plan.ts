/** Segments that become one. */
export const MERGED_SEGMENTS = 16

/** Segments are alike in size that are above one of these and not above the next, in bytes; larger ones stay as they are. */
const SIZES_MAX = [2_048, 32_768, 524_288] as const
const MERGED_BYTES_MAX = SIZES_MAX[2]

/** So many neighbours never all wait for their like, unless most of what they held was removed. */
const UNLIKE_MAX = 4 * MERGED_SEGMENTS

/**
 * Which neighbours of the segments of an index to merge next, told by their sizes, oldest first: the index of the first
 * of `MERGED_SEGMENTS`; undefined when none.
 *
 * Segments are merged with others of their size, so that each posting is written again two or three times in its life. What
 * comes of it is never larger than 16 times the largest that are merged, which bounds what one step of a merge can take.
 */
export function segmentsToMerge(bytes: readonly number[]): number | undefined {
  let above = -1
  for (const most of SIZES_MAX) {
    const least = above
    const start = firstRun(bytes, MERGED_SEGMENTS, (size) => size > least && size <= most)
    if (start !== undefined) return start
    above = most
  }
  return firstRun(bytes, UNLIKE_MAX, (size) => size <= MERGED_BYTES_MAX)
}

/** Where the first so many neighbours begin of which all are of some kind. */
function firstRun(
  bytes: readonly number[],
  length: number,
  isOfKind: (bytes: number) => boolean,
): number | undefined {
  let start = 0
  for (const [index, size] of bytes.entries()) {
    if (!isOfKind(size)) start = index + 1
    else if (index + 1 - start === length) return start
  }
  return undefined
}
