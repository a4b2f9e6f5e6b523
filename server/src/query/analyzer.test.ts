import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AnalyzerName, analyze, lowerCase, parseAnalyzerName } from './analyzer.ts'

type Vectors = readonly (readonly [text: string, terms: readonly string[]])[]

function termsOf(analyzer: AnalyzerName, text: string): readonly string[] {
  return analyze(analyzer, text).map((token) => token.text)
}

function assertTerms(vectors: Vectors): void {
  for (const [text, terms] of vectors) {
    assert.deepEqual(termsOf('standard', text), terms, JSON.stringify(text))
  }
}

test('words of everyday descriptions', () => {
  assertTerms([
    ['', []],
    ['LoRa permanent API key', ['lora', 'permanent', 'api', 'key']],
    [
      'API-key CI/CD a&b C++ #tag @user $5 50%',
      ['api', 'key', 'ci', 'cd', 'a', 'b', 'c', 'tag', 'user', '5', '50'],
    ],
    ['sigfox_callback __init__ _lead trail_', ['sigfox_callback', '__init__', '_lead', 'trail_']],
    ['example.com U.S.A. node.js .NET', ['example.com', 'u.s.a', 'node.js', 'net']],
    ['v2.0.1 192.168.0.1 1,000 3,14 1.5 1;2', ['v2.0.1', '192.168.0.1', '1,000', '3,14', '1.5', '1;2']],
    ['1.a a.1 a1.b2', ['1', 'a', 'a', '1', 'a1', 'b2']],
    ['admin@example.com user+tag@mail.co.uk', ['admin', 'example.com', 'user', 'tag', 'mail.co.uk']],
    ['10:30 key: x a:b c::d', ['10', '30', 'key', 'x', 'a:b', 'c', 'd']],
    ["d'accès O'Neil l’été 'quoted' rock'n'roll", ["d'accès", "o'neil", 'l’été', 'quoted', "rock'n'roll"]],
    ['2024-01-15T10:00:00Z ::1', ['2024', '01', '15t10', '00', '00z', '1']],
    ['https://kuzzle.io/path?x=1&y=2', ['https', 'kuzzle.io', 'path', 'x', '1', 'y', '2']],
    ['½ ① x² Ⅷ straße ﬁ', ['x', 'ⅷ', 'straße', 'ﬁ']],
    ['日本語 ひらがな カタカナ キー', ['日', '本', '語', 'ひ', 'ら', 'が', 'な', 'カタカナ', 'キー']],
    ['한국어 키 ไทย ภาษา API鍵', ['한국어', '키', 'ไทย', 'ภาษา', 'api', '鍵']],
    ['العربية עברית Ελληνικά Русский', ['العربية', 'עברית', 'ελληνικά', 'русский']],
    ['👩‍💻 🇫🇷 👍🏽 1️⃣ ❤️ ☃ ©', ['👩‍💻', '🇫🇷', '👍🏽', '1️⃣', '❤️', '☃', '©']],
    ['soft\u00adhyphen zero\u200bwidth', ['soft\u00adhyphen', 'zero', 'width']],
    ['cafe\u0301 café', ['cafe\u0301', 'café']],
  ])
})

// What Lucene 8.7 answers, run on these texts.
test('emoji sequences are words, joined, modified and presented as Lucene does', () => {
  assertTerms([
    ['\u{1f1eb}', []],
    ['\u{1f1eb}\u{1f1f7}', ['\u{1f1eb}\u{1f1f7}']],
    ['\u{1f1eb}\u0301\u{1f1f7}', ['\u{1f1eb}\u0301\u{1f1f7}']],
    ['\u{1f1eb}\ufe0f\u{1f1f7}\ufe0f', ['\u{1f1eb}\ufe0f\u{1f1f7}\ufe0f']],
    ['\u{1f1eb}\u{1f1f7}\u{1f1eb}', ['\u{1f1eb}\u{1f1f7}']],
    ['\u{1f1eb}\u{1f1f7}\u{1f1eb}\u{1f1f7}', ['\u{1f1eb}\u{1f1f7}', '\u{1f1eb}\u{1f1f7}']],
    ['\u{1f1eb}\u{1f1f7}\u200d\u{1f680}', ['\u{1f1eb}\u{1f1f7}\u200d', '\u{1f680}']],
    ['a\u{1f1eb}\u{1f1f7}', ['a', '\u{1f1eb}\u{1f1f7}']],
    ['\u{1f680}\ufe0f', ['\u{1f680}\ufe0f']],
    ['\u{1f680}\ufe0e', ['\u{1f680}']],
    ['\u{1f680}\u0301\u0301', ['\u{1f680}\u0301\u0301']],
    ['\u{1f680}\ufe0f\ufe0f', ['\u{1f680}\ufe0f']],
    ['\u{1f680}\u0301\ufe0f', ['\u{1f680}\u0301\ufe0f']],
    ['\u{1f680}\ufe0f\u0301', ['\u{1f680}\ufe0f']],
    ['\u{1f680}\u0301\ufe0e', ['\u{1f680}\u0301']],
    ['\u{1f680}\u200d', ['\u{1f680}\u200d']],
    ['\u{1f680}\u200d\u{1f680}', ['\u{1f680}\u200d\u{1f680}']],
    ['\u{1f680}\u200d\u200d\u{1f680}', ['\u{1f680}\u200d\u200d\u{1f680}']],
    ['\u{1f680}\u0301\u200d\u{1f680}', ['\u{1f680}\u0301\u200d\u{1f680}']],
    ['\u{1f680}\ufe0f\u200d\u{1f680}', ['\u{1f680}\ufe0f\u200d\u{1f680}']],
    ['\u{1f680}\ufe0f\u200d\u200d\u{1f680}', ['\u{1f680}\ufe0f\u200d\u200d\u{1f680}']],
    ['\u{1f680}\ufe0f\u0301\u200d\u{1f680}', ['\u{1f680}\ufe0f', '\u200d\u{1f680}']],
    ['\u{1f680}\ufe0f\u200d\u0301\u{1f680}', ['\u{1f680}\ufe0f', '\u{1f680}']],
    ['\u{1f680}\u200d\u0301\u{1f680}', ['\u{1f680}\u200d\u0301', '\u{1f680}']],
    ['\u{1f680}\u200d\ufe0f\u{1f680}', ['\u{1f680}\u200d\ufe0f', '\u{1f680}']],
    ['\u{1f680}\u{1f3fd}', ['\u{1f680}', '\u{1f3fd}']],
    ['\u{1f3fd}', ['\u{1f3fd}']],
    ['\u{1f3fd}\u{1f3fd}', ['\u{1f3fd}', '\u{1f3fd}']],
    ['\u{1f3fd}\ufe0f', ['\u{1f3fd}']],
    ['\u{1f3fd}\u0301', ['\u{1f3fd}\u0301']],
    ['\u{1f3fd}\u200d\u{1f680}', ['\u{1f3fd}\u200d\u{1f680}']],
    ['\u{1f3fd}\u200d\u{1f3fd}', ['\u{1f3fd}\u200d\u{1f3fd}']],
    ['\u{1f680}\u200d\u{1f3fd}', ['\u{1f680}\u200d\u{1f3fd}']],
    ['\u{1f469}\u{1f3fd}', ['\u{1f469}\u{1f3fd}']],
    ['\u{1f469}\u0301\u{1f3fd}', ['\u{1f469}\u0301\u{1f3fd}']],
    ['\u{1f469}\ufe0f\u{1f3fd}', ['\u{1f469}\ufe0f', '\u{1f3fd}']],
    ['\u{1f469}\u{1f3fd}\ufe0f', ['\u{1f469}\u{1f3fd}']],
    ['\u{1f469}\u{1f3fd}\u0301', ['\u{1f469}\u{1f3fd}\u0301']],
    ['\u{1f469}\u{1f3fd}\u{1f3fd}', ['\u{1f469}\u{1f3fd}', '\u{1f3fd}']],
    ['\u{1f469}\u{1f3fd}\u200d\u{1f4bb}', ['\u{1f469}\u{1f3fd}\u200d\u{1f4bb}']],
    ['\u{1f469}\u{1f3fd}\ufe0f\u200d\u{1f4bb}', ['\u{1f469}\u{1f3fd}', '\u200d\u{1f4bb}']],
    ['\u{1f469}\u200d\u{1f4bb}\u200d\u{1f469}', ['\u{1f469}\u200d\u{1f4bb}\u200d\u{1f469}']],
    [
      '\u{1f469}\u200d\u{1f469}\u{1f3fd}\u200d\u{1f469}',
      ['\u{1f469}\u200d\u{1f469}\u{1f3fd}\u200d\u{1f469}'],
    ],
    ['\u200d\u{1f680}', ['\u200d\u{1f680}']],
    ['\u200d\u200d\u{1f680}', ['\u200d\u200d\u{1f680}']],
    ['\u200d\u0301\u{1f680}', ['\u{1f680}']],
    ['\u0301\u{1f680}', ['\u{1f680}']],
    ['\u200d\u{1f469}\u{1f3fd}', ['\u200d\u{1f469}\u{1f3fd}']],
    ['\u200d\u{1f3fd}', ['\u{1f3fd}']],
    ['\u200da', ['a']],
    ['\u200d\u{1f1eb}\u{1f1f7}', ['\u{1f1eb}\u{1f1f7}']],
    ['#', []],
    ['#\u20e3', ['#\u20e3']],
    ['*\ufe0f\u20e3', ['*\ufe0f\u20e3']],
    ['#\u0301\u20e3', ['#\u0301\u20e3']],
    ['#\u0301\ufe0f\u20e3', ['#\u0301\ufe0f\u20e3']],
    ['#\u20e3\u0301', ['#\u20e3\u0301']],
    ['#\u20e3\ufe0f', ['#\u20e3']],
    ['#\ufe0f\ufe0f\u20e3', []],
    ['#\ufe0e\u20e3', []],
    ['#\u20e3\u20e3\ufe0f', ['#\u20e3\u20e3']],
    ['#\ufe0f', []],
    ['\u200d#\u20e3', ['#\u20e3']],
    ['#\ufe0f\u20e3\u200d\u{1f680}', ['#\ufe0f\u20e3\u200d', '\u{1f680}']],
    ['\u{1f680}\u200d#\u20e3', ['\u{1f680}\u200d', '#\u20e3']],
    ['1\ufe0f\u20e3', ['1\ufe0f\u20e3']],
    ['1\u20e3a', ['1\u20e3a']],
    ['a\ufe0fb', ['a\ufe0fb']],
    ['a\u200d\u{1f680}', ['a\u200d', '\u{1f680}']],
    ['\u2139', ['\u2139']],
    ['a\u2139b', ['a\u2139b']],
    ['\u2139\u200d\u{1f680}', ['\u2139\u200d\u{1f680}']],
    ['\u{1f680}\u200d\u2139a', ['\u{1f680}\u200d\u2139', 'a']],
    ['\u24c2\ufe0f\u0301', ['\u24dc\ufe0f\u0301']],
    ['\u200d\u24c2b', ['\u200d\u24dc', 'b']],
    ['\u3297\ufe0f', ['\u3297\ufe0f']],
    ['\u00a9\ufe0e', ['\u00a9']],
    ['\u{1f680}a\u{1f680}', ['\u{1f680}', 'a', '\u{1f680}']],
    ['_\u{1f680}', ['\u{1f680}']],
  ])
})

test('Hebrew letters keep their quotes', () => {
  assertTerms([
    ["\u05d0'", ["\u05d0'"]],
    ["\u05d0'\u05d0", ["\u05d0'\u05d0"]],
    ["\u05d0''\u05d0", ["\u05d0'", '\u05d0']],
    ["\u05d0'1", ["\u05d0'1"]],
    ["\u05d0'_", ["\u05d0'_"]],
    ["\u05d0' a", ["\u05d0'", 'a']],
    ["\u05d0'\u30a2", ["\u05d0'", '\u30a2']],
    ['\u05d0"\u05d1', ['\u05d0"\u05d1']],
    ['\u05d0"', ['\u05d0']],
    ['\u05d0" \u05d1', ['\u05d0', '\u05d1']],
    ['\u05d0"\u05d1"\u05d0', ['\u05d0"\u05d1', '\u05d0']],
    ['\u05d0"\u05d1\'', ['\u05d0"\u05d1']],
    ['\u05d0"a', ['\u05d0', 'a']],
    ['a"b', ['a', 'b']],
    ["\u05d0.\u05d1'", ['\u05d0.\u05d1']],
    ['\u05d0.\u05d1.\u05d0', ['\u05d0.\u05d1.\u05d0']],
    ["a.\u05d0'", ['a.\u05d0']],
    ["a\u05d0'", ["a\u05d0'"]],
    ["1\u05d0'", ["1\u05d0'"]],
    ["\u05d0_\u05d1'", ["\u05d0_\u05d1'"]],
    ['1"2', ['1', '2']],
  ])
})

test('scripts, joining marks and connectors', () => {
  assertTerms([
    ['\u30a2\u30a2', ['\u30a2\u30a2']],
    ['\u30a2a', ['\u30a2', 'a']],
    ['a\u30a2', ['a', '\u30a2']],
    ['\u30a21', ['\u30a2', '1']],
    ['\u30a2_\u30a2', ['\u30a2_\u30a2']],
    ['\u30a2_a', ['\u30a2_a']],
    ['_\u30a2_a_', ['_\u30a2_a_']],
    ['\u30a2.\u30a2', ['\u30a2', '\u30a2']],
    ['\u3042\u3042', ['\u3042', '\u3042']],
    ['\u3042a', ['\u3042', 'a']],
    ['\u3042\u3099a', ['\u3042\u3099', 'a']],
    ['_\u3042', ['\u3042']],
    ['\u65e5\u65e5', ['\u65e5', '\u65e5']],
    ['\u65e5_', ['\u65e5']],
    ['\u3005\u3005', ['\u3005\u3005']],
    ['\u3005\u65e5', ['\u3005', '\u65e5']],
    ['\u65e5\u3005', ['\u65e5', '\u3005']],
    ['\u0e01\u0e01', ['\u0e01\u0e01']],
    ['\u0e31\u0e01', ['\u0e31\u0e01']],
    ['\u0e01\u0e31', ['\u0e01\u0e31']],
    ['\u0e01a', ['\u0e01', 'a']],
    ['a\u0e01', ['a', '\u0e01']],
    ['\u0e01_', ['\u0e01']],
    ['\u0e51\u0e01', ['\u0e51', '\u0e01']],
    ['\uff11a', ['\uff11a']],
    ['\u0660\u066b\u0661', ['\u0660\u066b\u0661']],
    ['\uac00a', ['\uac00a']],
    ['a.b', ['a.b']],
    ['a..b', ['a', 'b']],
    ['a.1', ['a', '1']],
    ['1.a', ['1', 'a']],
    ['1.1', ['1.1']],
    ['1,1', ['1,1']],
    ['a,b', ['a', 'b']],
    ['a;b', ['a', 'b']],
    ['1;1', ['1;1']],
    ['a:b', ['a:b']],
    ['1:1', ['1', '1']],
    ['a\u00b7b', ['a\u00b7b']],
    ['1\u00b71', ['1', '1']],
    ['a\u2019b', ['a\u2019b']],
    ['1\u20191', ['1\u20191']],
    ['a.\u0301b', ['a.\u0301b']],
    ['a.\u0301!', ['a']],
    ['a\u0301.b', ['a\u0301.b']],
    ['__a', ['__a']],
    ['a__', ['a__']],
    ['_1_', ['_1_']],
    ['__', []],
    ['_', []],
    ['_.a', ['a']],
    ['a_.b', ['a_', 'b']],
    ['a._b', ['a', '_b']],
    ['1_a', ['1_a']],
    ['1__2', ['1__2']],
    ['\u203fa', ['\u203fa']],
    ['\u00ada', ['a']],
    ['a\u00adb', ['a\u00adb']],
    ['a\u200bb', ['a', 'b']],
    ['\u{10400}b', ['\u{10428}b']],
    ['\u{1d7ce}1', ['\u{1d7ce}1']],
    ['\u00bd', []],
    ['x\u00b2', ['x']],
    ['\u2164', ['\u2174']],
  ])
})

test('half a surrogate pair is no word and disturbs no other', () => {
  assertTerms([
    ['\ud800', []],
    ['a\ud800b', ['a', 'b']],
    ['\udc00a', ['a']],
  ])
})

test('terms have the positions of words, from 0', () => {
  assert.deepEqual(analyze('standard', 'LoRa -- Été'), [
    { text: 'lora', position: 0 },
    { text: 'été', position: 1 },
  ])
})

test('words longer than 255 UTF-16 units are cut as if the text ended there', () => {
  const lengths = (text: string) => termsOf('standard', text).map((term) => term.length)
  assert.deepEqual(lengths('a'.repeat(255)), [255])
  assert.deepEqual(lengths('a'.repeat(256)), [255, 1])
  assert.deepEqual(lengths('a'.repeat(600)), [255, 255, 90])
  assert.deepEqual(lengths(`${'a'.repeat(254)}.a`), [254, 1])
  assert.deepEqual(lengths(`${'a'.repeat(253)}.a`), [255])
  assert.deepEqual(lengths(`${'a'.repeat(254)}\u{10400}b`), [254, 3])
  assert.deepEqual(lengths(`${'a'.repeat(253)}\u{10400}b`), [255, 1])
  assert.deepEqual(lengths(`${'_'.repeat(300)}a`), [255])
  assert.deepEqual(lengths(`${'_'.repeat(254)}a`), [255])
  assert.deepEqual(lengths('_'.repeat(600)), [])
  assert.deepEqual(lengths(`${'\u200d'.repeat(300)}\u{1F680}`), [255])
  assert.deepEqual(lengths('\u0e01'.repeat(300)), [255, 45])
  assert.deepEqual(lengths(`${'a'.repeat(250)} ${'b'.repeat(260)}`), [250, 255, 5])
  assert.deepEqual(lengths(`\u{1F680}${'\u0301'.repeat(300)}\u{1F680}`), [255, 2])
  assert.deepEqual(lengths(`\u{1F1EB}${'\u0301'.repeat(252)}\u{1F1EB}`), [])
  assert.deepEqual(lengths(`\u{1F1EB}${'\u0301'.repeat(251)}\u{1F1EB}`), [255])
  assert.deepEqual(lengths(`#${'\u0301'.repeat(254)}\u20e3`), [])
  assert.deepEqual(lengths(`#${'\u0301'.repeat(253)}\u20e3`), [255])
})

test('ASCII texts are cut by a few rules', () => {
  // The same rules, written as one expression; longer words would have to be cut.
  const word = /_*[A-Za-z0-9](?:[A-Za-z0-9_]|(?<=[A-Za-z])[.:'](?=[A-Za-z])|(?<=[0-9])[.,;'](?=[0-9]))*/g
  const text = fc.string({ unit: fc.constantFrom(...'aZ19_.:,;\'"-# ,@'), maxLength: 40 })
  fc.assert(
    fc.property(text, (ascii) => {
      assert.deepEqual(termsOf('standard', ascii), ascii.toLowerCase().match(word) ?? [])
    }),
    { numRuns: 3000 },
  )
})

test('every letter and digit of a text is in one of its terms, in order', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      let rest = text
      for (const term of termsOf('standard', text)) {
        const at = lowerCase(rest).indexOf(term)
        assert.notEqual(at, -1)
        assert.doesNotMatch(rest.slice(0, at), /[A-Za-z0-9À-ÖØ-öø-ÿ]/)
        rest = rest.slice(at + term.length)
      }
      assert.doesNotMatch(rest, /[A-Za-z0-9À-ÖØ-öø-ÿ]/)
    }),
  )
})

test('hostile texts take time linear in their length', { timeout: 60_000 }, () => {
  const units = 300_000
  for (const piece of [
    '_',
    '\u200d',
    '\u0301',
    'a',
    'a.',
    '_.',
    '_\u200d',
    "\u05d0'",
    '#\u0301',
    '\u{1F469}\u200d',
    '1,',
  ]) {
    const terms = analyze('standard', piece.repeat(units / piece.length))
    assert.ok(terms.length <= units)
  }
})

test('lower case is made code point by code point, as Java does', () => {
  assert.equal(lowerCase('İstanbul ΣΑΣ ǅ ÉTÉ'), 'istanbul σασ ǆ été')
  assert.equal(lowerCase('Σ'), 'σ')
  assert.equal(lowerCase('ΑΣ'), 'ας'.replace('ς', 'σ'))
  assert.equal(lowerCase('İ'), 'i')
  assert.equal(lowerCase('\u{10400}ẞ'), '\u{10428}ß')
})

test('the simple analyzer finds runs of letters, in lower case', () => {
  assert.deepEqual(analyze('simple', "v2.0 API-key d'accès İ"), [
    { text: 'v', position: 0 },
    { text: 'api', position: 1 },
    { text: 'key', position: 2 },
    { text: 'd', position: 3 },
    { text: 'accès', position: 4 },
    { text: 'i', position: 5 },
  ])
})

test('the stop analyzer leaves out English stop words, but not their positions', () => {
  assert.deepEqual(analyze('stop', 'The quick AND the 2 brown'), [
    { text: 'quick', position: 1 },
    { text: 'brown', position: 4 },
  ])
  const stopWords =
    'a an and are as at be but by for if in into is it no not of on or such that the their then there these they ' +
    'this to was will with'
  assert.deepEqual(analyze('stop', stopWords), [])
  assert.equal(analyze('simple', stopWords).length, 33)
})

test('the whitespace analyzer cuts at white space only, as Java knows it', () => {
  assert.deepEqual(termsOf('whitespace', ' API-key\tLoRa\n\u000b\f\r!\u001cx\u001fy '), [
    'API-key',
    'LoRa',
    '!',
    'x',
    'y',
  ])
  assert.deepEqual(termsOf('whitespace', 'a\u00a0b a\u2007b a\u202fb'), ['a\u00a0b', 'a\u2007b', 'a\u202fb'])
  assert.deepEqual(
    termsOf('whitespace', 'a\u1680b\u2000c\u2006d\u2008e\u200af\u2028g\u2029h\u205fi\u3000j'),
    [...'abcdefghij'],
  )
  assert.deepEqual(termsOf('whitespace', '\u001b \u0008'), ['\u001b', '\u0008'])
})

test('the keyword analyzer takes the whole text, even when it is empty', () => {
  assert.deepEqual(analyze('keyword', 'LoRa permanent'), [{ text: 'LoRa permanent', position: 0 }])
  assert.deepEqual(analyze('keyword', ''), [{ text: '', position: 0 }])
  assert.equal(termsOf('keyword', 'a'.repeat(600))[0]?.length, 600)
})

test('terms of the simple and whitespace analyzers are cut after the character that reaches 255 units', () => {
  for (const analyzer of ['simple', 'whitespace'] as const) {
    const lengths = (text: string) => termsOf(analyzer, text).map((term) => term.length)
    assert.deepEqual(lengths('a'.repeat(255)), [255])
    assert.deepEqual(lengths('a'.repeat(256)), [255, 1])
    assert.deepEqual(lengths('a'.repeat(600)), [255, 255, 90])
    assert.deepEqual(lengths(`${'a'.repeat(254)}\u{10400}b`), [256, 1])
    assert.deepEqual(lengths('a'.repeat(510)), [255, 255])
  }
})

test('analyzers are known by exact names', () => {
  for (const name of ['standard', 'simple', 'whitespace', 'keyword', 'stop'])
    assert.equal(parseAnalyzerName(name), name)
  for (const name of ['Standard', 'english', '', 'toString']) assert.equal(parseAnalyzerName(name), undefined)
})
