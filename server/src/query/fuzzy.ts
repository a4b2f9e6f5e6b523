import { QueryError } from './query-error.ts'

/** How far terms may be apart: a fixed number of edits, or one that grows with the length of the term. */
export type Fuzziness =
  | { readonly kind: 'edits'; readonly edits: Edits }
  /** Shorter than `low` code points: none; shorter than `high`: one edit; else two. */
  | { readonly kind: 'auto'; readonly low: number; readonly high: number }

/** Edits that may be asked for. */
export type Edits = 0 | 1 | 2

/** Measures how far other terms are from one term. */
export type FuzzyMatcher = {
  /** Edits between the two terms; undefined when there are more than allowed. */
  distance(term: string): number | undefined
}

/** `AUTO`: none below three code points, one below six, two from there on. */
export const AUTO_FUZZINESS: Fuzziness = { kind: 'auto', low: 3, high: 6 }

/**
 * Reads a `fuzziness` argument: `0`, `1` or `2` as number or string, `AUTO` or `AUTO:low,high` in any case.
 *
 * @throws {QueryError} `malformed` on anything else.
 */
export function parseFuzziness(value: unknown): Fuzziness {
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw new QueryError('malformed', `fuzziness cannot be [${JSON.stringify(value)}].`)
  }
  const text = String(value).toUpperCase()
  if (text === '') throw new QueryError('malformed', 'fuzziness cannot be null or empty.')
  if (text === 'AUTO') return AUTO_FUZZINESS
  if (text.startsWith('AUTO:')) return parseAutoLimits(text)

  const edits = NUMBER.test(text) ? Number(text) : Number.NaN
  if (Number.isNaN(edits)) throw new QueryError('malformed', `fuzziness cannot be [${value}].`)
  if (!Number.isInteger(edits)) {
    throw new QueryError('malformed', `fuzziness needs to be one of 0.0, 1.0 or 2.0 but was ${edits}`)
  }
  if (edits !== 0 && edits !== 1 && edits !== 2) {
    throw new QueryError('malformed', `Valid edit distances are [0, 1, 2] but was [${edits}].`)
  }
  return { kind: 'edits', edits }
}

const NUMBER = /^[+-]?[0-9]+(\.[0-9]*)?$/

function parseAutoLimits(text: string): Fuzziness {
  const limits = text.slice('AUTO:'.length).split(',')
  if (limits.length !== 2) {
    throw new QueryError('malformed', 'failed to find low and high distance values')
  }
  const [low = -1, high = -1] = limits.map((limit) =>
    /^[+-]?[0-9]{1,9}$/.test(limit) ? Number(limit) : Number.NaN,
  )
  if (Number.isNaN(low) || Number.isNaN(high)) {
    throw new QueryError('malformed', `failed to parse [${text}] as a "auto:int,int"`)
  }
  if (low < 0 || high < 0 || low > high) {
    throw new QueryError(
      'malformed',
      'fuzziness wrongly configured, must be: lowDistance > 0, highDistance > 0 and lowDistance <= highDistance',
    )
  }
  return { kind: 'auto', low, high }
}

/** Edits that a term may be away under that fuzziness. */
export function editsFor(fuzziness: Fuzziness, term: string): Edits {
  if (fuzziness.kind === 'edits') return fuzziness.edits
  const length = Array.from(term).length
  if (length < fuzziness.low) return 0
  return length < fuzziness.high ? 1 : 2
}

/**
 * Prepares the comparison of terms with one term, in code points: an edit inserts, removes or replaces one, or, with
 * `transpositions`, swaps two neighbours (each place is edited once at most). The first `prefixLength` code points must
 * be equal; when that is the whole term, only the term itself is near enough.
 */
export function compileFuzzy(
  term: string,
  options: { readonly edits: Edits; readonly prefixLength: number; readonly transpositions: boolean },
): FuzzyMatcher {
  const codePoints = toCodePoints(term)
  const editsMax = options.edits
  if (editsMax === 0 || options.prefixLength >= codePoints.length) {
    return { distance: (other) => (other === term ? 0 : undefined) }
  }
  const rest = codePoints.slice(options.prefixLength)
  const prefix = term.slice(0, term.length - unitsOf(rest))
  const unitsMax = prefix.length + 2 * (rest.length + editsMax)
  const pieces = unharmedPieces(rest, editsMax)
  return {
    distance(other) {
      if (other.length > unitsMax || !other.startsWith(prefix)) return undefined
      if (pieces.length > 0 && !pieces.some((piece) => other.includes(piece))) return undefined
      const otherRest = toCodePoints(other.slice(prefix.length))
      if (Math.abs(otherRest.length - rest.length) > editsMax) return undefined
      return boundedDistance(rest, otherRest, editsMax, options.transpositions)
    },
  }
}

/** Code points of a piece of a term that few other terms have. */
const PIECE_MIN = 4

/**
 * Pieces of a long term of which every term near enough has one: an edit harms two of them at most. None for terms that
 * are too short for that to exclude many.
 */
function unharmedPieces(term: readonly number[], editsMax: number): readonly string[] {
  const count = 2 * editsMax + 1
  const length = Math.floor(term.length / count)
  if (length < PIECE_MIN) return []
  return Array.from({ length: count }, (_, index) =>
    String.fromCodePoint(...term.slice(index * length, (index + 1) * length)),
  )
}

function unitsOf(codePoints: readonly number[]): number {
  return codePoints.reduce((units, codePoint) => units + (codePoint > 0xffff ? 2 : 1), 0)
}

function toCodePoints(text: string): readonly number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0)
}

/**
 * The optimal string alignment distance. Only the cells that can stay within `editsMax` are calculated: a row holds the
 * columns from `row - editsMax` to `row + editsMax`, so that its index counts diagonals.
 */
function boundedDistance(
  left: readonly number[],
  right: readonly number[],
  editsMax: number,
  transpositions: boolean,
): number | undefined {
  const tooFar = editsMax + 1
  const width = 2 * editsMax + 1
  let beforeLast: readonly number[] = []
  let last: readonly number[] = []
  for (let row = 0; row <= left.length; row += 1) {
    const current: number[] = []
    for (let diagonal = 0; diagonal < width; diagonal += 1) {
      const column = row + diagonal - editsMax
      if (column < 0 || column > right.length) {
        current.push(tooFar)
        continue
      }
      const isEqual = left[row - 1] === right[column - 1]
      let distance = row === 0 && column === 0 ? 0 : tooFar
      if (row > 0 && column > 0) distance = (last[diagonal] ?? tooFar) + (isEqual ? 0 : 1)
      if (row > 0) distance = Math.min(distance, (last[diagonal + 1] ?? tooFar) + 1)
      if (column > 0) distance = Math.min(distance, (current[diagonal - 1] ?? tooFar) + 1)
      const mayBeSwapped = transpositions && row > 1 && column > 1
      if (mayBeSwapped && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        distance = Math.min(distance, (beforeLast[diagonal] ?? tooFar) + 1)
      }
      current.push(distance)
    }
    beforeLast = last
    last = current
  }
  const distance = last[right.length - left.length + editsMax] ?? tooFar
  return distance <= editsMax ? distance : undefined
}
