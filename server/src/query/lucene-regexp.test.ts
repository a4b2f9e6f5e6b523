import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ALL_REGEXP_FLAGS, compileRegexp, parseRegexpFlags, type RegexpFlags } from './lucene-regexp.ts'
import { StepBudget } from './step-budget.ts'
import { assertRefuses } from './testing/refusal.ts'

const STATES_MAX = 10_000
const STEPS_MAX = 1_000_000

function compile(pattern: string, flags: RegexpFlags = ALL_REGEXP_FLAGS, caseInsensitive = false) {
  return compileRegexp(pattern, flags, { caseInsensitive, statesMax: STATES_MAX })
}

function matches(pattern: string, term: string, flags?: RegexpFlags, caseInsensitive?: boolean): boolean {
  return compile(pattern, flags, caseInsensitive).matches(term, new StepBudget(STEPS_MAX))
}

type Examples = readonly (readonly [
  pattern: string,
  accepted: readonly string[],
  refused: readonly string[],
])[]

function assertExamples(examples: Examples, flags?: RegexpFlags, caseInsensitive?: boolean): void {
  for (const [pattern, accepted, refused] of examples) {
    for (const term of accepted) {
      assert.equal(matches(pattern, term, flags, caseInsensitive), true, `${pattern} should match "${term}"`)
    }
    for (const term of refused) {
      assert.equal(
        matches(pattern, term, flags, caseInsensitive),
        false,
        `${pattern} should not match "${term}"`,
      )
    }
  }
}

// Accepted and refused terms of all these examples are what Lucene 8.7 answers.
test('patterns match whole terms', () => {
  assertExamples([
    ['', [''], ['a']],
    ['()', [''], ['a']],
    ['jared.*', ['jared', 'jared.doe'], ['xjared', 'jare']],
    ['^a$', ['^a$'], ['a']],
    ['.', ['a', '\n', '😀'], ['', 'ab']],
    ['\\d\\w', ['dw'], ['1a']],
    ['jared\\.doe', ['jared.doe'], ['jaredxdoe']],
    ['"a*"', ['a*'], ['a', 'aa']],
    ['""', [''], ['"']],
    ['"a\\"', ['a\\'], ['a']],
    ['>]}', ['>]}'], []],
    ['a|b|cd', ['a', 'b', 'cd'], ['ab', 'c', '']],
    ['(a|b)c', ['ac', 'bc'], ['c', 'abc']],
    ['x-?y', ['xy', 'x-y'], ['x--y']],
  ])
})

test('repetition', () => {
  assertExamples([
    ['a?', ['', 'a'], ['aa']],
    ['a*', ['', 'a', 'aaa'], ['ab']],
    ['a+', ['a', 'aaa'], ['']],
    ['a**', ['', 'aa'], ['b']],
    ['a{3}', ['aaa'], ['aa', 'aaaa']],
    ['a{2,}', ['aa', 'aaaaa'], ['a']],
    ['a{1,3}', ['a', 'aa', 'aaa'], ['', 'aaaa']],
    ['a{0}', [''], ['a']],
    ['a{0,0}', [''], ['a']],
    ['a{2,1}', [], ['', 'a', 'aa']],
    ['a{1,2}{2}', ['aa', 'aaa', 'aaaa'], ['a', 'aaaaa']],
    ['(a?){3}', ['', 'a', 'aaa'], ['aaaa']],
    ['(ab){2}', ['abab'], ['ab', 'aabb']],
    ['()*', [''], ['a']],
    ['#+', [], ['', 'a']],
    ['#?', [''], ['a']],
    ['*', ['*'], ['', 'a']],
    ['+a', ['+a'], ['a']],
  ])
})

test('character classes', () => {
  assertExamples([
    ['[a-c]', ['a', 'b', 'c'], ['d', '-', '']],
    ['[abc]', ['a', 'c'], ['d']],
    ['[^a]', ['b', '😀'], ['a', '', 'bb']],
    ['[^b-ya]', ['z', '`'], ['a', 'b', 'm', 'y']],
    ['[^^]', ['a'], ['^']],
    ['[a^]', ['^', 'a'], ['b']],
    ['[]a]', ['a', ']'], ['b']],
    ['[-a]', ['-', 'a'], ['b']],
    ['[\\]\\\\]', [']', '\\'], ['[']],
    ['[a\\-c]', ['a', '-', 'c'], ['b']],
    ['[.*]', ['.', '*'], ['a']],
    ['[a-a]', ['a'], ['b']],
    ['[😀-😂]', ['😁'], ['😃', 'a']],
    ['4[0-9]*', ['4', '42'], ['4a']],
  ])
})

test('the optional operators', () => {
  assertExamples([
    ['~a', ['', 'b', 'aa'], ['a']],
    ['~~a', ['a'], ['b']],
    ['~ab', ['cb', 'b'], ['ab']],
    ['~a*', ['aaa', 'b'], []],
    ['~(a*)', ['b', 'ab'], ['', 'aaa']],
    ['~(.*a.*)', ['', 'melis'], ['a', 'jared']],
    ['a&a', ['a'], ['b']],
    ['a&b', [], ['a', 'b', '']],
    ['.*a.*&.*b.*', ['ab', 'bxa'], ['a', 'b']],
    ['a|b&b|c', ['a', 'b', 'c'], ['d']],
    ['@&~(jared.+)', ['', 'melis', 'jared'], ['jared.doe']],
    ['a@b', ['ab', 'axxb'], ['a', 'abc']],
    ['#', [], ['', '#']],
    ['a|#', ['a'], ['', '#']],
    ['&a', ['&a'], ['a', '']],
  ])
})

test('decimal intervals', () => {
  assertExamples([
    ['<40-50>', ['40', '42', '50'], ['39', '51', '042', '4']],
    ['<1-12>', ['1', '9', '10', '12', '007', '0012'], ['0', '13', '00', '']],
    ['<12-1>', ['5', '012'], ['13']],
    ['<01-12>', ['01', '07', '12'], ['7', '13', '007', '00']],
    ['<007-120>', ['007', '099', '120'], ['7', '006', '121']],
    ['<5-5>', ['5'], ['05', '4']],
    ['<0-3>', ['0', '3'], ['4', '00', '']],
    ['<0-10>', ['0', '00', '010', '9'], ['11', '']],
    ['<99-1000>', ['99', '100', '999', '1000', '0099'], ['98', '1001', '09', '10000']],
    ['<123-456>', ['123', '199', '200', '399', '450', '456'], ['122', '457', '12', '1234']],
    ['a<1-2>b', ['a1b', 'a2b'], ['ab', 'a3b']],
    ['<0-2147483647>', ['2147483647'], ['2147483648']],
  ])
})

test('operators that are switched off are plain characters', () => {
  assertExamples(
    [
      ['~a', ['~a'], ['b']],
      ['a&b', ['a&b'], ['a']],
      ['@', ['@'], ['x', '']],
      ['#', ['#'], ['']],
      ['<1-2>', ['<1-2>'], ['1']],
      ['(a|b)?', ['a', ''], ['c']],
    ],
    parseRegexpFlags('NONE'),
  )
  assert.equal(matches('<1-2>&@', '1', parseRegexpFlags('INTERVAL|intersection')), false)
  assert.equal(matches('<1-2>&@', '1', parseRegexpFlags('INTERVAL|INTERSECTION|ANYSTRING')), true)
  assert.equal(matches('~a', 'b', parseRegexpFlags('complement')), true)
  assert.equal(matches('#', '', parseRegexpFlags('EMPTY')), false)
  assert.equal(matches('#', '#', parseRegexpFlags('EMPTY')), false)
})

test('flags are names in any case, joined by bars', () => {
  assert.deepEqual(parseRegexpFlags(''), ALL_REGEXP_FLAGS)
  assert.deepEqual(parseRegexpFlags('all'), ALL_REGEXP_FLAGS)
  assert.deepEqual(parseRegexpFlags('EMPTY|ALL'), ALL_REGEXP_FLAGS)
  const none = {
    complement: false,
    interval: false,
    intersection: false,
    anyString: false,
    empty: false,
    automaton: false,
  }
  assert.deepEqual(parseRegexpFlags('NONE'), none)
  assert.deepEqual(parseRegexpFlags('|'), none)
  assert.deepEqual(parseRegexpFlags('Interval||AUTOMATON'), { ...none, interval: true, automaton: true })
  assertRefuses(
    () => parseRegexpFlags('EMPTY|i'),
    'malformed',
    'failed to create query: Unknown regexp flag [i]',
  )
  assertRefuses(
    () => parseRegexpFlags('toString'),
    'malformed',
    'failed to create query: Unknown regexp flag [toString]',
  )
})

test('case-insensitive matching folds single ASCII letters, not ranges', () => {
  assertExamples(
    [
      ['ABC', ['abc', 'aBc'], ['abd']],
      ['abc', ['ABC'], []],
      ['"ABC"', ['abc'], []],
      ['[ABC]', ['a', 'B'], ['d']],
      ['[A-C]', ['A', 'B'], ['b']],
      ['[^A]', ['b'], ['a', 'A']],
      ['É', ['É'], ['é']],
      ['~A', ['b'], ['a']],
      ['k', ['K'], ['\u212a']],
      ['\u212a', ['\u212a'], ['k']],
      ['[@`{]', ['@', '`', '{'], ['[']],
      ['[[]', ['['], ['{']],
    ],
    ALL_REGEXP_FLAGS,
    true,
  )
  assert.equal(matches('ABC', 'abc'), false)
})

test('what breaks the syntax is refused with what was expected, and where', () => {
  for (const [pattern, message] of [
    ['(', 'unexpected end-of-string'],
    ['a)', 'end-of-string expected at position 1'],
    ['(a|b', "expected ')' at position 4"],
    ['(a|)', "expected ')' at position 4"],
    ['a|', 'unexpected end-of-string'],
    ['a&', 'unexpected end-of-string'],
    ['||', 'unexpected end-of-string'],
    ['~', 'unexpected end-of-string'],
    ['\\', 'unexpected end-of-string'],
    ['a{', 'integer expected at position 2'],
    ['a{}', 'integer expected at position 2'],
    ['a{,2}', 'integer expected at position 2'],
    ['a{1', "expected '}' at position 3"],
    ['a{1,', "expected '}' at position 4"],
    ['a{1,2', "expected '}' at position 5"],
    ['a{99999999999}', 'For input string: "99999999999"'],
    ['a{1,99999999999}', 'For input string: "99999999999"'],
    ['[', 'unexpected end-of-string'],
    ['[]', "expected ']' at position 2"],
    ['[a', "expected ']' at position 2"],
    ['[^]', "expected ']' at position 3"],
    ['[a-', 'unexpected end-of-string'],
    ['[z-a]', 'invalid range: from (122) cannot be > to (97)'],
    ['[a-]', 'invalid range: from (97) cannot be > to (93)'],
    ['"abc', `expected '"' at position 4`],
    ['a"', `expected '"' at position 2`],
    ['<1-2', "expected '>' at position 4"],
    ['<abc>', "'abc' not found"],
    ['<>', "'' not found"],
    ['<abc><def>', "'abc' not found"],
    ['<abc>(', 'unexpected end-of-string'],
    ['<-1-5>', 'interval syntax error at position 5'],
    ['<1->', 'interval syntax error at position 3'],
    ['<a-b>', 'interval syntax error at position 4'],
    ['<1-b>', 'interval syntax error at position 4'],
    ['<a1-2>', 'interval syntax error at position 5'],
    ['<99999999999-1>', 'interval syntax error at position 14'],
    ['<1-99999999999>', 'interval syntax error at position 14'],
  ] as const) {
    assertRefuses(() => compile(pattern), 'malformed', `failed to create query: ${message}`)
  }
  const onlyIntervals = parseRegexpFlags('INTERVAL')
  assertRefuses(
    () => compile('<abc>', onlyIntervals),
    'malformed',
    'failed to create query: interval syntax error at position 4',
  )
  assertRefuses(
    () => compile('<1-2>', parseRegexpFlags('AUTOMATON')),
    'malformed',
    'failed to create query: illegal identifier at position 4',
  )
})

test('a bar that nothing precedes is literal', () => {
  assertExamples([
    ['|a', ['|a'], ['a', '']],
    ['a||b', ['a', '|b'], ['b', '']],
  ])
})

test('patterns have at most 1000 UTF-16 units', () => {
  assert.equal(matches('a'.repeat(1000), 'a'.repeat(1000)), true)
  assertRefuses(
    () => compile('a'.repeat(1001)),
    'malformed',
    'failed to create query: The length of regex [1001] used in the Regexp Query request has exceeded the allowed ' +
      'maximum of [1000]. This maximum can be set by changing the [index.max_regex_length] index level setting.',
  )
})

test('the literal prefix is what every match starts with', () => {
  for (const [pattern, prefix] of [
    ['lora', 'lora'],
    ['lora.*', 'lora'],
    ['lo[r]a?', 'lor'],
    ['lo(ra|rb)', 'lo'],
    ['"lo.a"x+', 'lo.a'],
    ['a{3}', ''],
    ['.a', ''],
    ['(ab)c', 'abc'],
    ['~a', ''],
    ['é😀x?', 'é😀'],
    ['[ab]c', ''],
    ['', ''],
  ] as const) {
    assert.equal(compile(pattern).literalPrefix, prefix, pattern)
  }
  assert.equal(compile('12ab', ALL_REGEXP_FLAGS, true).literalPrefix, '12')
})

type Expression =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'both' | 'either' | 'then'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly inner: Expression }
  | { readonly kind: 'times'; readonly inner: Expression; readonly min: number; readonly max: number }

const LETTERS = ['a', 'b', '😀']

const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<Expression[]>({ kind: 'any' }, { kind: 'text', text: 'a' }, { kind: 'text', text: '' }),
    fc.record({ kind: fc.constant('text' as const), text: fc.constantFrom('a', 'b', 'ab', '😀') }),
    fc.record({
      kind: fc.constantFrom('both' as const, 'either' as const, 'then' as const, 'then' as const),
      left: tie('expression'),
      right: tie('expression'),
    }),
    fc.record({ kind: fc.constant('not' as const), inner: tie('expression') }),
    fc.record({
      kind: fc.constant('times' as const),
      inner: tie('expression'),
      min: fc.nat(2),
      max: fc.constantFrom(0, 1, 3, Number.POSITIVE_INFINITY),
    }),
  ),
}))

function print(one: Expression): string {
  switch (one.kind) {
    case 'text':
      return one.text === '' ? '()' : `"${one.text}"`
    case 'any':
      return '.'
    case 'both':
      return `(${print(one.left)}&${print(one.right)})`
    case 'either':
      return `(${print(one.left)}|${print(one.right)})`
    case 'then':
      return `(${print(one.left)}${print(one.right)})`
    case 'not':
      return `(~(${print(one.inner)}))`
    case 'times':
      return `(${print(one.inner)}){${one.min},${one.max === Number.POSITIVE_INFINITY ? '' : one.max}}`
  }
}

/** Membership by definition: tries every way to cut the text. */
function accepts(one: Expression, text: readonly string[]): boolean {
  switch (one.kind) {
    case 'text':
      return text.join('') === one.text
    case 'any':
      return text.length === 1
    case 'both':
      return accepts(one.left, text) && accepts(one.right, text)
    case 'either':
      return accepts(one.left, text) || accepts(one.right, text)
    case 'then':
      return cuts(text).some(([head, tail]) => accepts(one.left, head) && accepts(one.right, tail))
    case 'not':
      return !accepts(one.inner, text)
    case 'times':
      return acceptsTimes(one.inner, one.min, one.max, text)
  }
}

function acceptsTimes(inner: Expression, min: number, max: number, text: readonly string[]): boolean {
  if (min > max) return false
  if (text.length === 0) return min === 0 || accepts(inner, text)
  if (max === 0) return false
  const needed = accepts(inner, []) ? 0 : min
  return cuts(text).some(
    ([head, tail]) =>
      head.length > 0 && accepts(inner, head) && acceptsTimes(inner, Math.max(0, needed - 1), max - 1, tail),
  )
}

function cuts(text: readonly string[]): readonly (readonly [readonly string[], readonly string[]])[] {
  return Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)] as const)
}

/** All texts of up to four characters. */
const TEXTS: readonly (readonly string[])[] = Array.from({ length: 4 }).reduce<
  readonly (readonly string[])[]
>(
  (texts) => [
    ...texts,
    ...texts
      .filter((text) => text.length === (texts.at(-1)?.length ?? 0))
      .flatMap((text) => LETTERS.map((letter) => [...text, letter])),
  ],
  [[]],
)

test('a pattern accepts exactly the texts of its definition', () => {
  assert.equal(TEXTS.length, 1 + 3 + 9 + 27 + 81)
  fc.assert(
    fc.property(expression, (one) => {
      const matcher = compile(print(one))
      for (const text of TEXTS) {
        const isAccepted = matcher.matches(text.join(''), new StepBudget(STEPS_MAX))
        assert.equal(isAccepted, accepts(one, text), `${print(one)} on "${text.join('')}"`)
        if (isAccepted) assert.ok(text.join('').startsWith(matcher.literalPrefix))
      }
    }),
    { numRuns: 400 },
  )
})

test('an interval accepts exactly the numbers in it', () => {
  fc.assert(
    fc.property(fc.nat(1200), fc.nat(1200), (low, high) => {
      const matcher = compile(`<${low}-${high}>`)
      const [least, most] = [Math.min(low, high), Math.max(low, high)]
      for (const number of [
        0,
        1,
        9,
        10,
        99,
        100,
        999,
        1000,
        1200,
        least,
        most,
        least - 1,
        most + 1,
        (least + most) >> 1,
      ]) {
        if (number < 0) continue
        const width = String(low).length === String(high).length ? String(low).length : 0
        const isWithin = number >= least && number <= most
        assert.equal(
          matcher.matches(String(number).padStart(width, '0'), new StepBudget(STEPS_MAX)),
          isWithin,
          `${number} in <${low}-${high}>`,
        )
      }
    }),
  )
})

test('states that are known already cost one step a character', () => {
  const matcher = compile('(ab|cd)*')
  matcher.matches('abcd', new StepBudget(STEPS_MAX))
  assert.equal(matcher.matches('abcdabcd', new StepBudget(8)), true)
  assert.throws(() => matcher.matches('abcdabcd', new StepBudget(7)), { code: 'too_expensive' })
})

test('a term is given up as soon as nothing can follow, and accepted as soon as anything may', () => {
  const refusing = compile('ab')
  refusing.matches('xx', new StepBudget(STEPS_MAX))
  assert.equal(refusing.matches(`x${'y'.repeat(1000)}`, new StepBudget(2)), false)
  const accepting = compile('a@')
  accepting.matches('aa', new StepBudget(STEPS_MAX))
  assert.equal(accepting.matches(`a${'y'.repeat(1000)}`, new StepBudget(2)), true)
})

test('an automaton of too many states is refused', () => {
  const matcher = compileRegexp('.{0,100}', ALL_REGEXP_FLAGS, { caseInsensitive: false, statesMax: 5 })
  assert.equal(matcher.matches('aaaaa', new StepBudget(STEPS_MAX)), true)
  assertRefuses(
    () => matcher.matches('aaaaaa', new StepBudget(STEPS_MAX)),
    'too_expensive',
    'failed to create query: Determinizing [.{0,100}] would result in more than 5 states.',
  )
})

test('hostile patterns end within their budget, one way or the other', { timeout: 60_000 }, () => {
  for (const [pattern, term] of [
    ['(a|b)*a(a|b){20}', 'ab'.repeat(2000)],
    ['.*.*.*.*.*x', 'a'.repeat(20_000)],
    [`${'('.repeat(300)}a${')*'.repeat(300)}`, `${'a'.repeat(1000)}b`],
    ['((a{0,100}){0,100}){0,100}b', 'a'.repeat(5000)],
    ['(a?){400}a{400}', 'a'.repeat(400)],
    [`${'a?'.repeat(330)}a{330}`, 'a'.repeat(330)],
    ['~((.*a.{9}&.*b.{9})|~(.*c.{8}))', 'abc'.repeat(3000)],
    ['(.*(a|b).*(b|c).*){20}', 'abc'.repeat(3000)],
    [`${'('.repeat(499)}a${')'.repeat(499)}`, 'a'],
    [`${'~'.repeat(999)}a`, 'a'],
    ['.{0,2147483647}', 'a'.repeat(20_000)],
  ] as const) {
    const matcher = compile(pattern)
    try {
      matcher.matches(term, new StepBudget(2_000_000))
    } catch (error) {
      assert.ok(
        error instanceof Error && 'code' in error && error.code === 'too_expensive',
        `${pattern}: ${error}`,
      )
    }
  }
})
