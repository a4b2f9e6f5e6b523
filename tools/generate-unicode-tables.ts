import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { WORD_CLASS, type WordClass } from '../server/src/query/word-classes.ts'

const COMMAND = 'node tools/generate-unicode-tables.ts'
const TARGET = fileURLToPath(new URL('../server/src/query/unicode-tables.generated.ts', import.meta.url))
const CODE_POINTS = 0x110000
const COLUMNS = 108

/**
 * Emoji properties, which the Unicode 9.0 data does not hold: Extended_Pictographic and Emoji_Modifier_Base of Emoji
 * 11.0, the version that Lucene 8 uses. Hexadecimal code points and ranges, skin tones left out.
 */
const PICTOGRAPHS =
  'a9 ae 203c 2049 2122 2139 2194-2199 21a9-21aa 231a-231b 2328 2388 23cf 23e9-23f3 23f8-23fa 24c2 25aa-25ab 25b6 ' +
  '25c0 25fb-25fe 2600-2605 2607-2612 2614-2685 2690-2705 2708-2712 2714 2716 271d 2721 2728 2733-2734 2744 2747 ' +
  '274c 274e 2753-2755 2757 2763-2767 2795-2797 27a1 27b0 27bf 2934-2935 2b05-2b07 2b1b-2b1c 2b50 2b55 3030 303d ' +
  '3297 3299 1f000-1f0ff 1f10d-1f10f 1f12f 1f16c-1f171 1f17e-1f17f 1f18e 1f191-1f19a 1f1ad-1f1e5 1f201-1f20f ' +
  '1f21a 1f22f 1f232-1f23a 1f23c-1f23f 1f249-1f3fa 1f400-1f53d 1f546-1f64f 1f680-1f6ff 1f774-1f77f 1f7d5-1f7ff ' +
  '1f80c-1f80f 1f848-1f84f 1f85a-1f85f 1f888-1f88f 1f8ae-1f8ff 1f90c-1f93a 1f93c-1f945 1f947-1fffd'
const MODIFIABLE_PICTOGRAPHS =
  '261d 26f9 270a-270d 1f385 1f3c2-1f3c4 1f3c7 1f3ca-1f3cc 1f442-1f443 1f446-1f450 1f466-1f469 1f46e 1f470-1f478 ' +
  '1f47c 1f481-1f483 1f485-1f487 1f4aa 1f574-1f575 1f57a 1f590 1f595-1f596 1f645-1f647 1f64b-1f64f 1f6a3 ' +
  '1f6b4-1f6b6 1f6c0 1f6cc 1f918-1f91c 1f91e-1f91f 1f926 1f930-1f939 1f93d-1f93e 1f9b5-1f9b6 1f9b8-1f9b9 ' +
  '1f9d1-1f9dd'
const SKIN_TONES = '1f3fb-1f3ff'
const KEYCAP_BASES = '23 2a'
const KEYCAP = '20e3'
const TEXT_VARIATION = 'fe0e'
const EMOJI_VARIATION = 'fe0f'
/** Full-width digits are digits to Lucene, though their Word_Break is Other in Unicode 9.0. */
const FULL_WIDTH_DIGITS = 'ff10-ff19'

type Range = { readonly begin: number; readonly end: number }

/** Ranges of one property value in Unicode 9.0, such as `Word_Break/ALetter`; `end` is exclusive. */
async function unicodeRanges(property: string): Promise<readonly Range[]> {
  const module: { readonly default: readonly Range[] } = await import(
    `@unicode/unicode-9.0.0/${property}/ranges.mjs`
  )
  return module.default
}

function listedRanges(list: string): readonly Range[] {
  return list.split(' ').map((item) => {
    const [first, last] = item.split('-').map((hexadecimal) => Number.parseInt(hexadecimal, 16))
    if (first === undefined) throw new Error(`Cannot read the range "${item}": it names no code point`)
    return { begin: first, end: (last ?? first) + 1 }
  })
}

/** The class of every code point. Later assignments win, so their order is part of the meaning. */
async function classifyCodePoints(): Promise<Uint8Array> {
  const classes = new Uint8Array(CODE_POINTS)
  const assign = (ranges: readonly Range[], wordClass: WordClass): void => {
    for (const { begin, end } of ranges) classes.fill(wordClass, begin, end)
  }
  const assignWhere = (ranges: readonly Range[], from: WordClass, wordClass: WordClass): void => {
    for (const { begin, end } of ranges) {
      for (let codePoint = begin; codePoint < end; codePoint += 1) {
        if (classes[codePoint] === from) classes[codePoint] = wordClass
      }
    }
  }

  const wordBreaks = {
    ALetter: WORD_CLASS.letter,
    Hebrew_Letter: WORD_CLASS.hebrewLetter,
    Numeric: WORD_CLASS.digit,
    Katakana: WORD_CLASS.katakana,
    ExtendNumLet: WORD_CLASS.connector,
    MidLetter: WORD_CLASS.midLetter,
    MidNum: WORD_CLASS.midNumber,
    MidNumLet: WORD_CLASS.midBoth,
    Single_Quote: WORD_CLASS.singleQuote,
    Double_Quote: WORD_CLASS.doubleQuote,
    Extend: WORD_CLASS.extend,
    Format: WORD_CLASS.extend,
    ZWJ: WORD_CLASS.zeroWidthJoiner,
    Regional_Indicator: WORD_CLASS.regionalIndicator,
  } as const
  for (const [value, wordClass] of Object.entries(wordBreaks)) {
    assign(await unicodeRanges(`Word_Break/${value}`), wordClass)
  }
  assign(listedRanges(FULL_WIDTH_DIGITS), WORD_CLASS.digit)

  const southEastAsian = await unicodeRanges('Line_Break/Complex_Context')
  assignWhere(southEastAsian, WORD_CLASS.other, WORD_CLASS.southEastAsian)
  assignWhere(southEastAsian, WORD_CLASS.extend, WORD_CLASS.southEastAsianMark)
  assignWhere(await unicodeRanges('Script/Han'), WORD_CLASS.other, WORD_CLASS.han)
  assignWhere(await unicodeRanges('Script/Hiragana'), WORD_CLASS.other, WORD_CLASS.hiragana)

  const pictographs = listedRanges(PICTOGRAPHS)
  assignWhere(pictographs, WORD_CLASS.letter, WORD_CLASS.pictographicLetter)
  assignWhere(pictographs, WORD_CLASS.other, WORD_CLASS.pictograph)
  assign(listedRanges(MODIFIABLE_PICTOGRAPHS), WORD_CLASS.modifiablePictograph)
  assign(listedRanges(SKIN_TONES), WORD_CLASS.skinTone)
  assign(listedRanges(KEYCAP_BASES), WORD_CLASS.keycapBase)
  assign(listedRanges(KEYCAP), WORD_CLASS.keycap)
  assign(listedRanges(TEXT_VARIATION), WORD_CLASS.textVariation)
  assign(listedRanges(EMOJI_VARIATION), WORD_CLASS.emojiVariation)
  return classes
}

/**
 * Runs of one class as `gap length class` in base 36, where `gap` counts the code points of class `other` before the
 * run; parts are separated by `.`, runs by `,`.
 */
function encodeRuns(classes: Uint8Array): readonly string[] {
  const runs: string[] = []
  let gap = 0
  for (let begin = 0; begin < classes.length; ) {
    const wordClass = classes[begin] ?? WORD_CLASS.other
    let end = begin + 1
    while (end < classes.length && classes[end] === wordClass) end += 1
    if (wordClass === WORD_CLASS.other) gap = end - begin
    else {
      runs.push([gap, end - begin, wordClass].map((number) => number.toString(36)).join('.'))
      gap = 0
    }
    begin = end
  }
  return runs
}

function printLines(runs: readonly string[]): string {
  const lines: string[] = []
  let line = ''
  for (const run of runs) {
    if (line.length + run.length + 1 > COLUMNS) {
      lines.push(line)
      line = ''
    }
    line += `${run},`
  }
  lines.push(line.replace(/,$/, ''))
  return lines.map((text) => `  '${text}'`).join(' +\n')
}

async function generate(): Promise<string> {
  const runs = encodeRuns(await classifyCodePoints())
  return [
    `// Generated by \`${COMMAND}\` from Unicode 9.0 data. Do not edit.`,
    '',
    '/**',
    ' * Classes of `word-classes.ts` as runs `gap.length.class` in base 36: `gap` code points of class `other`, then',
    ' * `length` ones of that class; separated by commas, from U+0000 on.',
    ' */',
    'export const WORD_CLASS_RUNS =',
    `${printLines(runs)}`,
    '',
  ].join('\n')
}

const args = process.argv.slice(2)
const target = args.find((argument) => !argument.startsWith('--')) ?? TARGET
const generated = await generate()
if (args.includes('--check')) {
  const present = await readFile(target, 'utf8').catch(() => '')
  if (present !== generated) {
    console.error(`${target} is stale: run \`${COMMAND}\``)
    process.exitCode = 1
  }
} else {
  await writeFile(target, generated)
}
