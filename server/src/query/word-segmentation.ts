import { WORD_CLASS_RUNS } from './unicode-tables.generated.ts'
import { WORD_CLASS } from './word-classes.ts'

/** Longest word in UTF-16 units; a longer one is cut into pieces, each segmented as if the text ended there. */
const WORD_UNITS_MAX = 255

/**
 * Where the words of a text are, in ascending order and without what is between them.
 *
 * The rules are those of Lucene 8's standard tokenizer: Unicode 9.0 word boundaries (UAX #29), ideographs and hiragana
 * one by one, runs of South-East Asian scripts as a whole, and each emoji sequence as one word. Linear in the text.
 */
export function* segmentWords(text: string): Generator<{ readonly start: number; readonly end: number }> {
  const scanner = new WordScanner(text)
  for (let start = 0; start < text.length; ) {
    const end = scanner.wordFrom(start)
    if (end > start) yield { start, end }
    start = end > start ? end : start + scanner.widthAt(start)
  }
}

const CODE_POINTS = 0x110000
const CLASSES = decodeRuns(WORD_CLASS_RUNS)

function decodeRuns(runs: string): Uint8Array {
  const classes = new Uint8Array(CODE_POINTS)
  let at = 0
  for (const run of runs.split(',')) {
    const [gap = 0, length = 0, wordClass = 0] = run.split('.').map((digits) => Number.parseInt(digits, 36))
    classes.fill(wordClass, at + gap, at + gap + length)
    at += gap + length
  }
  return classes
}

/** Membership by class, so that a test is one look-up. */
function classSet(...members: readonly number[]): readonly boolean[] {
  return Object.values(WORD_CLASS).map((wordClass) => members.includes(wordClass))
}

const C = WORD_CLASS
const IS_LETTER = classSet(C.letter, C.hebrewLetter, C.pictographicLetter)
const IS_WORD_BASE = classSet(C.letter, C.hebrewLetter, C.pictographicLetter, C.digit, C.katakana)
const JOINS_LETTERS = classSet(C.midLetter, C.midBoth, C.singleQuote)
const JOINS_DIGITS = classSet(C.midNumber, C.midBoth, C.singleQuote)
const IS_PLAIN_EXTEND = classSet(C.extend, C.zeroWidthJoiner, C.southEastAsianMark, C.keycap)
const IS_EXTEND = classSet(
  C.extend,
  C.zeroWidthJoiner,
  C.southEastAsianMark,
  C.keycap,
  C.textVariation,
  C.emojiVariation,
)
const IS_SOUTH_EAST_ASIAN = classSet(C.southEastAsian, C.southEastAsianMark)
const IS_PICTOGRAPH = classSet(C.pictograph, C.modifiablePictograph, C.pictographicLetter)
const IS_EMOJI_PART = classSet(C.pictograph, C.modifiablePictograph, C.pictographicLetter, C.skinTone)

/** Matches from one position; every `...End` answers where its match ends, or where it began when there is none. */
class WordScanner {
  readonly #text: string
  #limit = 0
  /** Ends of the last runs seen, so that a run without a word after it is not walked again from each of its members. */
  #connectorsEnd = 0
  #joinersEnd = 0

  constructor(text: string) {
    this.#text = text
  }

  widthAt(index: number): number {
    const isPair = isHighSurrogate(this.#text, index) && isLowSurrogate(this.#text, index + 1)
    return isPair ? 2 : 1
  }

  /** End of the longest word that starts here; `start` when none does. */
  wordFrom(start: number): number {
    this.#limit = Math.min(this.#text.length, start + WORD_UNITS_MAX)
    if (isHighSurrogate(this.#text, this.#limit - 1) && isLowSurrogate(this.#text, this.#limit)) {
      this.#limit -= 1
    }
    switch (this.#classAt(start)) {
      case C.other:
        return start
      case C.letter:
      case C.hebrewLetter:
      case C.digit:
      case C.katakana:
        return this.#lettersEnd(start)
      case C.pictographicLetter:
        return Math.max(this.#lettersEnd(start), this.#emojiEnd(start))
      case C.connector:
        return this.#afterConnectors(start)
      case C.han:
      case C.hiragana:
        return this.#clusterEnd(start)
      case C.southEastAsian:
      case C.southEastAsianMark:
        return this.#southEastAsianEnd(start)
      case C.regionalIndicator:
        return this.#flagEnd(start)
      case C.keycapBase:
        return this.#keycapEnd(start)
      case C.zeroWidthJoiner:
      case C.pictograph:
      case C.modifiablePictograph:
      case C.skinTone:
        return this.#emojiEnd(start)
      default:
        return start
    }
  }

  #classAt(index: number): number {
    if (index >= this.#limit) return C.other
    const unit = this.#text.charCodeAt(index)
    const codePoint = (unit & 0xf800) === 0xd800 ? (this.#text.codePointAt(index) ?? 0) : unit
    return CLASSES[codePoint] ?? C.other
  }

  #skip(index: number, members: readonly boolean[]): number {
    let end = index
    while (members[this.#classAt(end)] === true) end += this.widthAt(end)
    return end
  }

  /** End of the code point here and of everything that attaches to it. */
  #clusterEnd(index: number): number {
    return this.#skip(index + this.widthAt(index), IS_EXTEND)
  }

  #connectorRunEnd(start: number): number {
    let end = start
    while (this.#classAt(end) === C.connector) end = this.#clusterEnd(end)
    return end
  }

  #afterConnectors(start: number): number {
    if (start >= this.#connectorsEnd) {
      const limit = this.#limit
      this.#limit = this.#text.length
      this.#connectorsEnd = this.#connectorRunEnd(start)
      this.#limit = limit
    }
    return IS_WORD_BASE[this.#classAt(this.#connectorsEnd)] === true
      ? this.#lettersEnd(this.#connectorsEnd)
      : start
  }

  /** Letters, digits and katakana from a base on, with what joins them (UAX #29 rules WB5 to WB13b). */
  #lettersEnd(start: number): number {
    let base: Base = { at: start, joinedBy: C.other }
    for (;;) {
      base = this.#lastOfAsciiRun(base)
      const next = this.#afterBase(base)
      if (typeof next === 'number') return next
      base = next
    }
  }

  /** Short cut through the commonest of all cases; only the last of adjacent letters and digits decides what follows. */
  #lastOfAsciiRun(base: Base): Base {
    let at = base.at
    if (!isAsciiAlphanumeric(this.#text.charCodeAt(at))) return base
    while (at + 1 < this.#limit && isAsciiAlphanumeric(this.#text.charCodeAt(at + 1))) at += 1
    return at === base.at ? base : { at, joinedBy: C.other }
  }

  /** The next base of the same word, or the end of the word. */
  #afterBase(base: Base): Base | number {
    const baseClass = this.#classAt(base.at)
    const end = this.#clusterEnd(base.at)
    const mark = this.#classAt(end)
    const afterMark = this.#clusterEnd(end)

    if (baseClass === C.hebrewLetter && base.joinedBy === C.other) {
      // Such a letter keeps a quote after it (geresh), whatever follows.
      if (mark === C.singleQuote) return this.#adjacent(baseClass, afterMark)
      if (mark === C.doubleQuote && this.#classAt(afterMark) === C.hebrewLetter) {
        return { at: afterMark, joinedBy: mark }
      }
    }
    if (base.joinedBy !== C.doubleQuote && joins(baseClass, mark, this.#classAt(afterMark))) {
      return { at: afterMark, joinedBy: mark }
    }
    return this.#adjacent(baseClass, end)
  }

  /** A base that follows at once or after connectors, or the end of the word: connectors belong to it too. */
  #adjacent(baseClass: number, end: number): Base | number {
    const at = this.#connectorRunEnd(end)
    const nextClass = this.#classAt(at)
    if (IS_WORD_BASE[nextClass] !== true) return at
    const isContinued = at > end || (baseClass === C.katakana) === (nextClass === C.katakana)
    return isContinued ? { at, joinedBy: C.other } : at
  }

  #southEastAsianEnd(start: number): number {
    let end = start
    while (IS_SOUTH_EAST_ASIAN[this.#classAt(end)] === true) end = this.#clusterEnd(end)
    return end
  }

  #flagEnd(start: number): number {
    const second = this.#clusterEnd(start)
    return this.#classAt(second) === C.regionalIndicator ? this.#clusterEnd(second) : start
  }

  #keycapEnd(start: number): number {
    let end = start + 1
    let found = start
    for (; IS_PLAIN_EXTEND[this.#classAt(end)] === true; end += this.widthAt(end)) {
      if (this.#classAt(end) === C.keycap) found = end + 1
    }
    if (this.#classAt(end) === C.emojiVariation && this.#classAt(end + 1) === C.keycap) found = end + 2
    return found === start ? start : this.#skip(found, IS_PLAIN_EXTEND)
  }

  /** A pictograph, or several joined by zero-width joiners. */
  #emojiEnd(start: number): number {
    const first = this.#joinerRunEnd(start)
    const isEmoji = (first === start ? IS_EMOJI_PART : IS_PICTOGRAPH)[this.#classAt(first)] === true
    if (!isEmoji) return start

    let end = this.#pictographEnd(first)
    for (;;) {
      const next = this.#skip(end, IS_JOINER)
      const isJoined = this.#text.charCodeAt(next - 1) === ZERO_WIDTH_JOINER
      if (!isJoined || IS_EMOJI_PART[this.#classAt(next)] !== true) return end
      end = this.#pictographEnd(next)
    }
  }

  #joinerRunEnd(start: number): number {
    if (this.#classAt(start) !== C.zeroWidthJoiner) return start
    if (start >= this.#joinersEnd) {
      let end = start
      while (this.#text.charCodeAt(end) === ZERO_WIDTH_JOINER) end += 1
      this.#joinersEnd = end
    }
    return this.#joinersEnd
  }

  #pictographEnd(index: number): number {
    const wordClass = this.#classAt(index)
    const end = this.#skip(index + this.widthAt(index), IS_PLAIN_EXTEND)
    if (wordClass === C.skinTone) return end
    if (wordClass === C.modifiablePictograph && this.#classAt(end) === C.skinTone) {
      return this.#skip(end + this.widthAt(end), IS_PLAIN_EXTEND)
    }
    return this.#classAt(end) === C.emojiVariation ? end + 1 : end
  }
}

const ZERO_WIDTH_JOINER = 0x200d
const IS_JOINER = classSet(C.zeroWidthJoiner)

/** A letter or digit of a word; `joinedBy` is the mark that joins it to the base before, `other` when none does. */
type Base = { readonly at: number; readonly joinedBy: number }

function joins(left: number, mark: number, right: number): boolean {
  if (IS_LETTER[left] === true && IS_LETTER[right] === true) return JOINS_LETTERS[mark] === true
  return left === C.digit && right === C.digit && JOINS_DIGITS[mark] === true
}

function isAsciiAlphanumeric(unit: number): boolean {
  return (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x5a)
}

function isHighSurrogate(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800
}

function isLowSurrogate(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xdc00
}
