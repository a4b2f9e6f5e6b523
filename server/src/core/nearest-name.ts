/** Longest names that are compared; longer ones were not misspelt. */
const NAME_LENGTH_MAX = 64

/** The known name that a misspelt one probably means; undefined when none is near. */
export function nearestName(wrong: string, known: Iterable<string>): string | undefined {
  if (wrong.length > NAME_LENGTH_MAX) return undefined
  // One wrong letter in three is still a misspelling; more is another word.
  let nearest: { readonly name: string; readonly distance: number } | undefined
  for (const name of known) {
    const distance = editDistance(wrong.toLowerCase(), name.toLowerCase())
    if (distance * 3 > name.length) continue
    if (nearest === undefined || distance < nearest.distance) nearest = { name, distance }
  }
  return nearest?.name
}

/** Levenshtein's: insertions, deletions and replacements of one character each. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
