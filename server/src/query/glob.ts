/** A pattern of names in which `*` stands for any run of characters: the pieces between the stars. */
export type Glob = readonly string[]

/** Reads a pattern; every text is one. */
export function parseGlob(pattern: string): Glob {
  return pattern.split('*')
}

/** Whether a text fits a pattern as a whole. */
export function fitsGlob(text: string, pieces: Glob): boolean {
  const first = pieces[0] ?? ''
  const last = pieces.at(-1) ?? ''
  if (pieces.length === 1) return text === first
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false

  let from = first.length
  const end = text.length - last.length
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, from)
    if (found === -1 || found + piece.length > end) return false
    from = found + piece.length
  }
  return true
}
