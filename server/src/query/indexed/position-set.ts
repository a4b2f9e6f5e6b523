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

  /** How many positions there are; counts each bit. */
  get size(): number {
    let size = 0
    for (const bits of this.#pages.values()) {
      for (let index = 0; index < bits.length; index += 1) size += bitCount(bits[index] ?? 0)
    }
    return size
  }

  /** All positions, ascending, in slices. */
  *slices(positionsMax: number): Generator<readonly number[]> {
    let slice: number[] = []
    for (const page of [...this.#pages.keys()].sort((a, b) => a - b)) {
      const bits = this.#pages.get(page) ?? new Uint32Array()
      for (let index = 0; index < bits.length; index += 1) {
        const first = page * PAGE_POSITIONS + index * 32
        for (let rest = bits[index] ?? 0; rest !== 0; rest &= rest - 1) {
          slice.push(first + (31 - Math.clz32(rest & -rest)))
        }
        if (slice.length < positionsMax) continue
        yield slice
        slice = []
      }
    }
    if (slice.length > 0) yield slice
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

function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const quads = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((quads + (quads >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
