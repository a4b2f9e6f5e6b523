/**
 * A distinguished name in the one way to write it, for comparison: blanks left out, as in Knox, types in capitals, and
 * special characters escaped by a backslash whether they were written so or in quotes. Undefined: it is none.
 */
export function canonicalName(text: string): string | undefined {
  const parts: string[] = []
  let part = ''
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? ''
    if (character === '\\') {
      at += 1
      if (at >= text.length) return undefined
      part += escaped(text[at] ?? '')
    } else if (character === '"') isQuoted = !isQuoted
    else if (character === ',' && !isQuoted) {
      parts.push(part)
      part = ''
    } else part += isQuoted ? escaped(character) : character
  }
  if (isQuoted) return undefined
  const named = [...parts, part].map(canonicalPart)
  return named.every((each) => each !== undefined) ? named.join(',') : undefined
}

const SPECIAL = '"+,;<>\\='

function escaped(character: string): string {
  return SPECIAL.includes(character) ? `\\${character}` : character
}

function canonicalPart(part: string): string | undefined {
  const text = part.replaceAll(/\s+/g, '')
  const equals = text.indexOf('=')
  if (equals <= 0) return undefined
  return text.slice(0, equals).toUpperCase() + text.slice(equals)
}

/** Names that are separated by semicolons, unless these are escaped or in quotes. */
export function canonicalNames(text: string): readonly string[] {
  const names = text.match(/(?:\\.|"(?:\\.|[^"\\])*"|[^;\\"])+/gs) ?? []
  return names.flatMap((name) => canonicalName(name) ?? [])
}
