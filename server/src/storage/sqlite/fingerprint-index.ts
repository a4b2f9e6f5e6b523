import type { Fingerprint } from '../../core/keys/fingerprint.ts'

/** A fingerprint is 64 digits of one byte each: one line of the processor's cache. */
const DIGITS = 64
const WORDS = DIGITS / 4
/** Places that there is room for at first. */
const PLACES_AT_FIRST = 1_024
/** Buckets for each place: so few are taken that most fingerprints are in the first one that is looked at. */
const BUCKETS_PER_PLACE = 4
/** No fingerprint has this place. */
const NOWHERE = -1

/**
 * Which fingerprint is at which place: a hash table with open addressing in typed arrays.
 *
 * Among a million strings, a look-up in a `Map` waits for memory at every step: the bucket, the entry, the string that the
 * entry refers to. Here it waits twice: for the bucket, and for the digits.
 */
export class FingerprintIndex {
  #digits = new Int32Array(WORDS * PLACES_AT_FIRST)
  /** Of each bucket, the place plus 1; 0: it is empty. */
  #buckets = new Int32Array(BUCKETS_PER_PLACE * PLACES_AT_FIRST)
  /** The digits of the fingerprint that is asked for. */
  readonly #asked = Buffer.alloc(DIGITS)
  readonly #words = new Int32Array(this.#asked.buffer, this.#asked.byteOffset, WORDS)

  /** The place of a fingerprint; -1 when it has none. */
  placeOf(fingerprint: Fingerprint): number {
    const bucket = this.#bucketOf(fingerprint)
    return (this.#buckets[bucket] ?? 0) - 1
  }

  /** Gives a fingerprint that has no place this one, at which there is none. */
  add(fingerprint: Fingerprint, place: number): void {
    while (place * WORDS >= this.#digits.length) this.#grow()
    this.#buckets[this.#bucketOf(fingerprint)] = place + 1
    this.#digits.set(this.#words, place * WORDS)
  }

  /** Answers the place that the fingerprint had; -1 when it had none. */
  remove(fingerprint: Fingerprint): number {
    const place = this.placeOf(fingerprint)
    if (place !== NOWHERE) this.removeAt(place)
    return place
  }

  /** Removes the fingerprint at a place. */
  removeAt(place: number): void {
    let bucket = this.#homeOf(place)
    while (this.#buckets[bucket] !== place + 1) bucket = this.#after(bucket)
    this.#close(bucket)
  }

  clear(): void {
    this.#buckets.fill(0)
  }

  /** The bucket of a fingerprint, or the empty one in which it would be. Leaves its digits in `#words`. */
  #bucketOf(fingerprint: Fingerprint): number {
    this.#asked.write(fingerprint, 0, DIGITS, 'latin1')
    const words = this.#words
    const buckets = this.#buckets
    const digits = this.#digits
    const last = buckets.length - 1
    let bucket = hashOf(words, 0) & last
    for (;;) {
      const taken = buckets[bucket]
      if (taken === undefined || taken === 0) return bucket
      if (isSame(words, digits, (taken - 1) * WORDS)) return bucket
      bucket = (bucket + 1) & last
    }
  }

  #homeOf(place: number): number {
    return hashOf(this.#digits, place * WORDS) & (this.#buckets.length - 1)
  }

  #after(bucket: number): number {
    return (bucket + 1) & (this.#buckets.length - 1)
  }

  /** Empties a bucket, and moves up those behind it that were only there because it was taken. */
  #close(emptied: number): void {
    const buckets = this.#buckets
    const last = buckets.length - 1
    let gap = emptied
    let bucket = this.#after(gap)
    for (let taken = buckets[bucket]; taken; taken = buckets[bucket]) {
      const distance = (bucket - this.#homeOf(taken - 1)) & last
      if (distance >= ((bucket - gap) & last)) {
        buckets[gap] = taken
        gap = bucket
      }
      bucket = this.#after(bucket)
    }
    buckets[gap] = 0
  }

  #grow(): void {
    const old = this.#buckets
    const digits = new Int32Array(2 * this.#digits.length)
    digits.set(this.#digits)
    this.#digits = digits
    this.#buckets = new Int32Array(2 * old.length)
    for (const taken of old) {
      if (taken === 0) continue
      let bucket = this.#homeOf(taken - 1)
      while (this.#buckets[bucket] !== 0) bucket = this.#after(bucket)
      this.#buckets[bucket] = taken
    }
  }
}

/** Of fingerprints every digit is as random as the others, so a few of them are enough. */
function hashOf(words: Int32Array, at: number): number {
  const mixed = Math.imul(words[at] ?? 0, 0x9e3779b1) ^ Math.imul(words[at + 1] ?? 0, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}

function isSame(words: Int32Array, digits: Int32Array, at: number): boolean {
  for (let word = 0; word < WORDS; word++) {
    if (words[word] !== digits[at + word]) return false
  }
  return true
}
