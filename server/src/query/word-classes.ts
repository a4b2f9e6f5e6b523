/**
 * What a code point means to the segmentation of text into words (`word-segmentation.ts`): the values of the Unicode
 * property Word_Break, refined by script, line breaking and emoji properties so that each code point has exactly one.
 */
export const WORD_CLASS = {
  other: 0,
  letter: 1,
  hebrewLetter: 2,
  digit: 3,
  katakana: 4,
  /** Joins anything, such as `_`. */
  connector: 5,
  midLetter: 6,
  midNumber: 7,
  midBoth: 8,
  singleQuote: 9,
  doubleQuote: 10,
  /** Attaches to what is before it: combining marks and format characters. */
  extend: 11,
  zeroWidthJoiner: 12,
  /** U+FE0E, asks for the text form of what is before it. */
  textVariation: 13,
  /** U+FE0F, asks for the emoji form of what is before it. */
  emojiVariation: 14,
  regionalIndicator: 15,
  han: 16,
  hiragana: 17,
  /** Of a script that is written without spaces: Thai, Lao, Khmer, Myanmar and their like. */
  southEastAsian: 18,
  /** As `southEastAsian`, but attaches to what is before it. */
  southEastAsianMark: 19,
  pictograph: 20,
  /** A pictograph that takes a skin tone. */
  modifiablePictograph: 21,
  skinTone: 22,
  /** A pictograph that is a letter as well, such as `ℹ`. */
  pictographicLetter: 23,
  /** `#` and `*`, which make a keycap when U+20E3 follows. */
  keycapBase: 24,
  /** U+20E3, an extending character too. */
  keycap: 25,
} as const

/** One of the values of `WORD_CLASS`. */
export type WordClass = (typeof WORD_CLASS)[keyof typeof WORD_CLASS]
