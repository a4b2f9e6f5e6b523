/**
 * Positions of documents. Where they are close to each other there is a bit for each, else a number, so that neither many
 * nor far-apart ones cost much.
 */
export class PositionSet {
  /** Until the set is read, in the order of adding; then ascending, unless there are bits instead. */
  #positions: Float64Array
  #count = 0
  #isAscending = true
  #first = Number.POSITIVE_INFINITY
  #last = Number.NEGATIVE_INFINITY
  #bits: Bits | undefined

  constructor() {
    this.#positions = NOTHING
  }

  /** The set of some positions, which are ascending and distinct. They are not copied. */
  static ofAscending(positions: Float64Array): PositionSet {
    const set = new PositionSet()
    set.#positions = positions
    set.#count = positions.length
    set.#first = positions[0] ?? set.#first
    set.#last = positions.at(-1) ?? set.#last
    return set
  }

  add(position: number): void {
    if (position === this.#last) return
    if (this.#bits !== undefined) this.#becomeNumbers()
    if (this.#count === this.#positions.length) this.#grow()
    this.#positions[this.#count] = position
    this.#count += 1
    if (position < this.#last) this.#isAscending = false
    if (position < this.#first) this.#first = position
    if (position > this.#last) this.#last = position
  }

  has(position: number): boolean {
    const bits = this.#settle()
    if (bits !== undefined) return hasBit(bits, position)
    const index = firstFrom(this.#positions, this.#count, position)
    return index < this.#count && this.#positions[index] === position
  }

  /** How many positions there are; counts each bit. */
  get size(): number {
    const bits = this.#settle()
    return bits === undefined ? this.#count : bits.words.reduce((size, word) => size + bitCount(word), 0)
  }

  /** All positions, ascending, in slices. */
  *slices(positionsMax: number): Generator<readonly number[]> {
    const bits = this.#settle()
    if (bits !== undefined) {
      yield* slicesOfBits(bits, positionsMax)
      return
    }
    for (let start = 0; start < this.#count; start += positionsMax) {
      const slice: number[] = []
      const end = Math.min(this.#count, start + positionsMax)
      for (let index = start; index < end; index += 1) slice.push(this.#positions[index] ?? 0)
      yield slice
    }
  }

  /** Positions that are in both sets. */
  static intersection(a: PositionSet, b: PositionSet): PositionSet {
    const [aBits, bBits] = [a.#settle(), b.#settle()]
    if (aBits !== undefined && bBits !== undefined) return PositionSet.#ofBits(commonBits(aBits, bBits))
    const [few, others] =
      aBits === undefined && (bBits !== undefined || a.#count <= b.#count) ? [a, b] : [b, a]
    const both = new PositionSet()
    for (let index = 0; index < few.#count; index += 1) {
      const position = few.#positions[index] ?? 0
      if (others.has(position)) both.add(position)
    }
    return both
  }

  /** Positions that are in any of the sets. */
  static union(sets: readonly PositionSet[]): PositionSet {
    const all = sets.map((set) => set.#settle())
    const bits = all.filter((one) => one !== undefined)
    if (bits.length > 0 && bits.length === sets.length && areNear(bits))
      return PositionSet.#ofBits(anyBits(bits))
    const union = new PositionSet()
    for (const set of sets) {
      for (const slice of set.slices(COPIED_AT_ONCE)) for (const position of slice) union.add(position)
    }
    return union
  }

  static #ofBits(bits: Bits): PositionSet {
    const set = new PositionSet()
    set.#bits = bits
    return set
  }

  /** Makes the set ready to be read. */
  #settle(): Bits | undefined {
    if (this.#bits !== undefined) return this.#bits
    if (this.#count > 0 && this.#last - this.#first < this.#count * POSITIONS_PER_BIT_MAX) {
      this.#bits = bitsOf(this.#positions.subarray(0, this.#count), this.#first, this.#last)
      this.#positions = NOTHING
      this.#count = 0
      return this.#bits
    }
    if (!this.#isAscending) this.#sort()
    return undefined
  }

  #sort(): void {
    const sorted = this.#positions.subarray(0, this.#count).sort()
    let kept = 0
    for (let index = 0; index < sorted.length; index += 1) {
      const position = sorted[index] ?? 0
      if (kept > 0 && sorted[kept - 1] === position) continue
      sorted[kept] = position
      kept += 1
    }
    this.#count = kept
    this.#isAscending = true
  }

  #becomeNumbers(): void {
    const positions = [...this.slices(COPIED_AT_ONCE)].flat()
    this.#bits = undefined
    this.#positions = Float64Array.from(positions)
    this.#count = positions.length
    this.#first = positions[0] ?? Number.POSITIVE_INFINITY
    this.#last = positions.at(-1) ?? Number.NEGATIVE_INFINITY
    this.#isAscending = true
  }

  #grow(): void {
    const positions = new Float64Array(Math.max(FIRST_CAPACITY, 2 * this.#count))
    positions.set(this.#positions)
    this.#positions = positions
  }
}

/** A bit for each position from `first` on, which is a multiple of 32. */
type Bits = { readonly first: number; readonly words: Uint32Array }

const NOTHING = new Float64Array()
const FIRST_CAPACITY = 16
const COPIED_AT_ONCE = 1_000

/** Bits that may stand for one position of the set: a number takes as many. */
const POSITIONS_PER_BIT_MAX = 64

function bitsOf(positions: Float64Array, first: number, last: number): Bits {
  const start = first - (first % 32)
  const words = new Uint32Array(Math.floor((last - start) / 32) + 1)
  for (let index = 0; index < positions.length; index += 1) {
    const within = (positions[index] ?? 0) - start
    words[within >>> 5] = (words[within >>> 5] ?? 0) | (1 << (within & 31))
  }
  return { first: start, words }
}

function hasBit({ first, words }: Bits, position: number): boolean {
  const within = position - first
  if (within < 0 || within >= words.length * 32) return false
  return ((words[within >>> 5] ?? 0) & (1 << (within & 31))) !== 0
}

function* slicesOfBits({ first, words }: Bits, positionsMax: number): Generator<readonly number[]> {
  let slice: number[] = []
  for (let index = 0; index < words.length; index += 1) {
    const start = first + index * 32
    for (let rest = words[index] ?? 0; rest !== 0; rest &= rest - 1) {
      slice.push(start + (31 - Math.clz32(rest & -rest)))
    }
    if (slice.length < positionsMax) continue
    yield slice
    slice = []
  }
  if (slice.length > 0) yield slice
}

function commonBits(a: Bits, b: Bits): Bits {
  const first = Math.max(a.first, b.first)
  const end = Math.min(endOf(a), endOf(b))
  const words = new Uint32Array(Math.max(0, (end - first) / 32))
  const [fromA, fromB] = [(first - a.first) / 32, (first - b.first) / 32]
  for (let index = 0; index < words.length; index += 1) {
    words[index] = (a.words[fromA + index] ?? 0) & (b.words[fromB + index] ?? 0)
  }
  return { first, words }
}

function anyBits(all: readonly Bits[]): Bits {
  const first = Math.min(...all.map((bits) => bits.first))
  const words = new Uint32Array((Math.max(...all.map(endOf)) - first) / 32)
  for (const bits of all) {
    const from = (bits.first - first) / 32
    for (let index = 0; index < bits.words.length; index += 1) {
      words[from + index] = (words[from + index] ?? 0) | (bits.words[index] ?? 0)
    }
  }
  return { first, words }
}

/** Whether the gaps between some bits are worth having bits as well. */
function areNear(all: readonly Bits[]): boolean {
  const span = Math.max(...all.map(endOf)) - Math.min(...all.map((bits) => bits.first))
  return span <= 2 * all.reduce((sum, { words }) => sum + words.length * 32, 0)
}

function endOf({ first, words }: Bits): number {
  return first + words.length * 32
}

function firstFrom(sorted: Float64Array, count: number, position: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) < position) low = middle + 1
    else high = middle
  }
  return low
}

function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const quads = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((quads + (quads >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
