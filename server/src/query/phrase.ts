import type { PhraseTerm } from './filter.ts'

/** For one place of a phrase: the ascending positions at which a document has an acceptable term. */
export type PhrasePlace = {
  readonly offset: number
  readonly positions: readonly number[]
  readonly text: string
}

/** Places of a phrase in a document; undefined when a term does not occur at all. */
export function phrasePlaces(
  terms: readonly PhraseTerm[],
  positionsOf: (term: string) => readonly number[] | undefined,
): readonly PhrasePlace[] | undefined {
  const places: PhrasePlace[] = []
  for (const term of terms) {
    const positions = positionsOf(term.text)
    if (positions === undefined) return undefined
    places.push({ offset: term.position, positions, text: term.text })
  }
  return places
}

/**
 * How often a phrase occurs; 0 when it does not. With slop an occurrence counts 1/(1 + moves), where the moves are
 * how far its words must be shifted to stand as in the phrase.
 */
export function phraseFrequency(places: readonly PhrasePlace[], slop: number): number {
  return slop === 0 ? exactFrequency(places) : sloppyFrequency(places, slop)
}

function exactFrequency(places: readonly PhrasePlace[]): number {
  const [first, ...others] = places
  if (first === undefined) return 0
  const rest = others.map((place) => ({ shift: place.offset - first.offset, at: new Set(place.positions) }))
  return first.positions.filter((start) => rest.every((place) => place.at.has(start + place.shift))).length
}

/** A place and the occurrence of its term that is being looked at. */
type Cursor = { readonly place: PhrasePlace; next: number; shifted: number }

/**
 * Walks all places at once, always moving the one that is furthest behind, and counts each narrowest window. Two places
 * that want the same word never stand on the same occurrence of it.
 */
function sloppyFrequency(places: readonly PhrasePlace[], slop: number): number {
  const cursors = places.map((place) => ({ place, next: 0, shifted: 0 }))
  for (const cursor of cursors) if (!advance(cursor) || !separate(cursor, cursors)) return 0

  let frequency = 0
  for (;;) {
    const behind = furthestBehind(cursors, undefined)
    const second = furthestBehind(cursors, behind)
    let width = spread(cursors, behind)
    let exhausted = false
    while (behind.shifted <= second.shifted) {
      width = Math.min(width, spread(cursors, behind))
      exhausted = !advance(behind) || !separate(behind, cursors)
      if (exhausted) break
    }
    if (width <= slop) frequency += 1 / (1 + width)
    if (exhausted) return Math.fround(frequency)
  }
}

function advance(cursor: Cursor): boolean {
  const position = cursor.place.positions[cursor.next]
  if (position === undefined) return false
  cursor.next += 1
  cursor.shifted = position - cursor.place.offset
  return true
}

/** Moves cursors of the same term apart, the one behind first; false when one runs out of occurrences. */
function separate(moved: Cursor, cursors: readonly Cursor[]): boolean {
  let cursor = moved
  for (;;) {
    const other = cursors.find((candidate) => candidate.next > 0 && collide(candidate, cursor))
    if (other === undefined) return true
    cursor = isBehind(cursor, other) ? cursor : other
    if (!advance(cursor)) return false
  }
}

function collide(a: Cursor, b: Cursor): boolean {
  return a !== b && a.place.text === b.place.text && a.shifted + a.place.offset === b.shifted + b.place.offset
}

function isBehind(a: Cursor, b: Cursor): boolean {
  return a.shifted < b.shifted || (a.shifted === b.shifted && a.place.offset < b.place.offset)
}

function furthestBehind(cursors: readonly Cursor[], except: Cursor | undefined): Cursor {
  let found: Cursor | undefined
  for (const cursor of cursors) {
    if (cursor !== except && (found === undefined || isBehind(cursor, found))) found = cursor
  }
  if (found === undefined) throw new Error('A phrase has at least two places')
  return found
}

function spread(cursors: readonly Cursor[], behind: Cursor): number {
  let furthest = behind.shifted
  for (const cursor of cursors) furthest = Math.max(furthest, cursor.shifted)
  return furthest - behind.shifted
}
