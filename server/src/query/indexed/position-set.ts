/** Positions of documents, as a bit for each in pages of 65,536, so that neither few nor far-apart ones cost much. */
export class PositionSet {
  readonly #pages = new Map<number, Uint32Array>()

  add(position: number): void {
    const page = Math.floor(position / PAGE_POSITIONS)
    let bits = this.#pages.get(page)
    if (bits === undefined) {
      bits = new Uint32Array(PAGE_POSITIONS / 32)
      this.#pages.set(page, bits)
    }
    const within = position % PAGE_POSITIONS
    bits[within >>> 5] = (bits[within >>> 5] ?? 0) | (1 << (within & 31))
  }

  has(position: number): boolean {
    const bits = this.#pages.get(Math.floor(position / PAGE_POSITIONS))
    const within = position % PAGE_POSITIONS
    return bits !== undefined && ((bits[within >>> 5] ?? 0) & (1 << (within & 31))) !== 0
  }

  /** All positions, ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (const page of [...this.#pages.keys()].sort((a, b) => a - b)) {
      const bits = this.#pages.get(page) ?? new Uint32Array()
      for (const [index, word] of bits.entries()) {
        for (let rest = word; rest !== 0; rest &= rest - 1) {
          yield page * PAGE_POSITIONS + index * 32 + (31 - Math.clz32(rest & -rest))
        }
      }
    }
  }

  /** Positions that are in both sets. */
  static intersection(a: PositionSet, b: PositionSet): PositionSet {
    const both = new PositionSet()
    for (const [page, bits] of a.#pages) {
      const others = b.#pages.get(page)
      if (others !== undefined)
        both.#pages.set(
          page,
          bits.map((word, index) => word & (others[index] ?? 0)),
        )
    }
    return both
  }

  /** Positions that are in any of the sets. */
  static union(sets: readonly PositionSet[]): PositionSet {
    const any = new PositionSet()
    for (const set of sets) {
      for (const [page, bits] of set.#pages) {
        const known = any.#pages.get(page)
        if (known === undefined) any.#pages.set(page, bits.slice())
        else
          bits.forEach((word, index) => {
            known[index] = (known[index] ?? 0) | word
          })
      }
    }
    return any
  }
}

const PAGE_POSITIONS = 65_536
