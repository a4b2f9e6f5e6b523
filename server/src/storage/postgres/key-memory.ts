import type { FoundKey } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { Row } from './connection.ts'

type Remembered = { readonly row: Row; readonly found: FoundKey }

/**
 * What fingerprints led to lately, with the rows that said so, so that the same row is the same object.
 *
 * Every look-up still asks PostgreSQL. A node that is told of all changes in time may answer from here instead: then this
 * is the place for what it has not heard about, and for fingerprints that lead to nothing.
 */
export class KeyMemory {
  readonly #max: number
  readonly #known = new Map<Fingerprint, Remembered>()

  /** `max`: fingerprints that are remembered; the oldest are forgotten first. */
  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#known.size
  }

  /** What the row was made into before; undefined when that was another one. `isSame` tells. */
  recall(
    fingerprint: Fingerprint,
    row: Row,
    isSame: (one: Row, other: Row) => boolean,
  ): FoundKey | undefined {
    const known = this.#known.get(fingerprint)
    return known !== undefined && isSame(known.row, row) ? known.found : undefined
  }

  remember(fingerprint: Fingerprint, row: Row, found: FoundKey): void {
    this.#known.delete(fingerprint)
    this.#known.set(fingerprint, { row, found })
    if (this.#known.size > this.#max) this.#forgetOldest()
  }

  forget(fingerprint: Fingerprint): void {
    this.#known.delete(fingerprint)
  }

  #forgetOldest(): void {
    for (const fingerprint of this.#known.keys()) {
      this.#known.delete(fingerprint)
      return
    }
  }
}
