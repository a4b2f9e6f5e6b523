/**
 * A quick test for terms that are more than `editsMax` edits away from one term, whatever the edits: each of their
 * characters that the one does not have takes an edit of its own. Terms that pass may still be too far away.
 */
export function isClearlyFar(from: string, editsMax: number): (term: string) => boolean {
  const own = new Set<number>()
  for (let index = 0; index < from.length; index += 1) own.add(from.charCodeAt(index))
  return (term) => {
    let foreign = 0
    for (let index = 0; index < term.length; index += 1) {
      const unit = term.charCodeAt(index)
      // The second halves of characters beyond U+FFFF are left out, so that none is counted twice.
      if (own.has(unit) || (unit & 0xfc00) === 0xdc00) continue
      foreign += 1
      if (foreign > editsMax) return true
    }
    return false
  }
}
