import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AUTO_FUZZINESS, compileFuzzy, type Edits, editsFor, parseFuzziness } from './fuzzy.ts'
import { assertRefuses } from './testing/refusal.ts'

/** The textbook table: optimal string alignment, or Levenshtein without transpositions. */
function textbookDistance(
  left: readonly string[],
  right: readonly string[],
  transpositions: boolean,
): number {
  const table = Array.from({ length: left.length + 1 }, (_, row) =>
    Array.from({ length: right.length + 1 }, (_, column) => (row === 0 ? column : column === 0 ? row : 0)),
  )
  const at = (row: number, column: number) => table[row]?.[column] ?? Number.NaN
  for (let row = 1; row <= left.length; row += 1) {
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1] ? 0 : 1
      let best = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + same)
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      if (transpositions && swapped) best = Math.min(best, at(row - 2, column - 2) + 1)
      const cells = table[row]
      if (cells !== undefined) cells[column] = best
    }
  }
  return at(left.length, right.length)
}

const characters = fc.constantFrom('a', 'b', 'c', '😀', 'é')
const words = fc.array(characters, { maxLength: 8 })

test('distances are those of the textbook, up to the edits that are allowed', () => {
  fc.assert(
    fc.property(
      words,
      words,
      fc.constantFrom<Edits[]>(1, 2),
      fc.boolean(),
      (left, right, edits, transpositions) => {
        fc.pre(left.length > 0)
        const expected = textbookDistance(left, right, transpositions)
        const matcher = compileFuzzy(left.join(''), { edits, prefixLength: 0, transpositions })
        assert.equal(matcher.distance(right.join('')), expected <= edits ? expected : undefined)
      },
    ),
    { numRuns: 5000 },
  )
})

/** Long terms a few edits apart: characters inserted, removed, replaced and swapped. */
const edited = fc
  .tuple(
    fc.array(characters, { minLength: 12, maxLength: 40 }),
    fc.array(fc.tuple(fc.nat(3), fc.nat(40), characters), { maxLength: 4 }),
  )
  .map(([term, edits]) => {
    const other = [...term]
    for (const [kind, place, character] of edits) {
      const at = place % other.length
      if (kind === 0) other.splice(at, 0, character)
      if (kind === 1) other.splice(at, 1)
      if (kind === 2) other[at] = character
      if (kind === 3) other.splice(at, 2, ...other.slice(at, at + 2).reverse())
    }
    return [term, other] as const
  })

test('long terms are told apart as short ones are', () => {
  fc.assert(
    fc.property(
      edited,
      fc.constantFrom<Edits[]>(1, 2),
      fc.boolean(),
      ([left, right], edits, transpositions) => {
        const expected = textbookDistance(left, right, transpositions)
        const matcher = compileFuzzy(left.join(''), { edits, prefixLength: 0, transpositions })
        assert.equal(matcher.distance(right.join('')), expected <= edits ? expected : undefined)
      },
    ),
    { numRuns: 3000 },
  )
})

test('with a prefix, only what follows it may differ', () => {
  fc.assert(
    fc.property(words, words, fc.nat(4), (left, right, prefixLength) => {
      const term = left.join('')
      fc.pre(prefixLength < left.length)
      const samePrefix = left.slice(0, prefixLength).join('') === right.slice(0, prefixLength).join('')
      const rest = textbookDistance(left.slice(prefixLength), right.slice(prefixLength), true)
      const matcher = compileFuzzy(term, { edits: 2, prefixLength, transpositions: true })
      assert.equal(matcher.distance(right.join('')), samePrefix && rest <= 2 ? rest : undefined)
    }),
    { numRuns: 3000 },
  )
})

test('each place is edited once at most, so a swap cannot be split by an insertion', () => {
  const matcher = compileFuzzy('ca', { edits: 2, prefixLength: 0, transpositions: true })
  assert.equal(matcher.distance('ac'), 1)
  assert.equal(matcher.distance('abc'), undefined)
})

test('without transpositions a swap is two edits', () => {
  assert.equal(
    compileFuzzy('lroa', { edits: 1, prefixLength: 0, transpositions: false }).distance('lora'),
    undefined,
  )
  assert.equal(compileFuzzy('lroa', { edits: 2, prefixLength: 0, transpositions: false }).distance('lora'), 2)
  assert.equal(compileFuzzy('lroa', { edits: 1, prefixLength: 0, transpositions: true }).distance('lora'), 1)
})

test('no edits, or a prefix as long as the term, leave the term itself', () => {
  for (const options of [
    { edits: 0, prefixLength: 0, transpositions: true },
    { edits: 2, prefixLength: 4, transpositions: true },
    { edits: 2, prefixLength: 9, transpositions: true },
  ] as const) {
    const matcher = compileFuzzy('lora', options)
    assert.equal(matcher.distance('lora'), 0)
    assert.equal(matcher.distance('loras'), undefined)
    assert.equal(matcher.distance('lor'), undefined)
  }
})

test('a prefix counts code points', () => {
  const matcher = compileFuzzy('😀😀ab', { edits: 1, prefixLength: 2, transpositions: true })
  assert.equal(matcher.distance('😀😀a'), 1)
  assert.equal(matcher.distance('😀ab'), undefined)
})

test('very long terms are compared in time linear in their length', { timeout: 20_000 }, () => {
  const term = 'ab'.repeat(16_000)
  const matcher = compileFuzzy(term, { edits: 2, prefixLength: 0, transpositions: true })
  assert.equal(matcher.distance(`${term}x`), 1)
  assert.equal(matcher.distance('ba'.repeat(16_000)), 2)
})

test('fuzziness is a number of edits, or automatic with or without limits', () => {
  for (const edits of [0, 1, 2] as const) {
    assert.deepEqual(parseFuzziness(edits), { kind: 'edits', edits })
    assert.deepEqual(parseFuzziness(String(edits)), { kind: 'edits', edits })
    assert.deepEqual(parseFuzziness(`${edits}.0`), { kind: 'edits', edits })
  }
  assert.deepEqual(parseFuzziness('AUTO'), { kind: 'auto', low: 3, high: 6 })
  assert.deepEqual(parseFuzziness('auto'), AUTO_FUZZINESS)
  assert.deepEqual(parseFuzziness('AUTO:5,7'), { kind: 'auto', low: 5, high: 7 })
  assert.deepEqual(parseFuzziness('Auto:0,0'), { kind: 'auto', low: 0, high: 0 })
})

test('other fuzziness is refused', () => {
  for (const [value, message] of [
    [3, 'Valid edit distances are [0, 1, 2] but was [3].'],
    ['3', 'Valid edit distances are [0, 1, 2] but was [3].'],
    [-1, 'Valid edit distances are [0, 1, 2] but was [-1].'],
    [1.5, 'fuzziness needs to be one of 0.0, 1.0 or 2.0 but was 1.5'],
    ['', 'fuzziness cannot be null or empty.'],
    ['high', 'fuzziness cannot be [high].'],
    ['x1', 'fuzziness cannot be [x1].'],
    ['1x', 'fuzziness cannot be [1x].'],
    ['AUTOMATIC', 'fuzziness cannot be [AUTOMATIC].'],
    [null, 'fuzziness cannot be [null].'],
    [{ a: 1 }, 'fuzziness cannot be [{"a":1}].'],
    ['AUTO:5', 'failed to find low and high distance values'],
    ['AUTO:1,2,3', 'failed to find low and high distance values'],
    ['AUTO:a,3', 'failed to parse [AUTO:A,3] as a "auto:int,int"'],
    ['AUTO:1,b2', 'failed to parse [AUTO:1,B2] as a "auto:int,int"'],
    ['AUTO:1,2b', 'failed to parse [AUTO:1,2B] as a "auto:int,int"'],
    [
      'AUTO:7,5',
      'fuzziness wrongly configured, must be: lowDistance > 0, highDistance > 0 and lowDistance <= highDistance',
    ],
    [
      'AUTO:-1,5',
      'fuzziness wrongly configured, must be: lowDistance > 0, highDistance > 0 and lowDistance <= highDistance',
    ],
  ] as const) {
    assertRefuses(() => parseFuzziness(value), 'malformed', message)
  }
})

test('automatic fuzziness grows with the length in code points', () => {
  const edits = ['', 'a', 'ab', 'abc', 'abcde', 'abcdef', '😀😀', '😀😀😀'].map((term) =>
    editsFor(AUTO_FUZZINESS, term),
  )
  assert.deepEqual(edits, [0, 0, 0, 1, 1, 2, 0, 1])
  assert.equal(editsFor({ kind: 'auto', low: 5, high: 7 }, 'lorb'), 0)
  assert.equal(editsFor({ kind: 'edits', edits: 2 }, 'a'), 2)
})
