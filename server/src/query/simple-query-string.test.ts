import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  ALL_SIMPLE_FLAGS,
  joinSimpleOperands,
  parseSimpleFlags,
  parseSimpleQueryString,
  type SimpleNode,
} from './simple-query-string.ts'
import { assertRefuses } from './testing/refusal.ts'

type Operator = 'and' | 'or'

/** A query as Lucene prints it; `isGroup` when it needs parentheses inside another. */
type Shown = { readonly text: string; readonly isGroup: boolean }

/** What the tree means, in Lucene's notation, when texts are cut at white space; `D` is the field. */
function show(node: SimpleNode, operator: Operator): string {
  return shown(node, operator)?.text ?? ''
}

function shown(node: SimpleNode, operator: Operator): Shown | undefined {
  switch (node.kind) {
    case 'all':
      return { text: '*:*', isGroup: false }
    case 'text': {
      const words = node.text.split(/\s+/).filter((word) => word !== '')
      const [first, second] = words
      if (first === undefined) return undefined
      const terms = words.map((word) => ({ text: `D:${word}`, isGroup: false }))
      return second === undefined ? { text: `D:${first}`, isGroup: false } : combine(operator, terms)
    }
    case 'phrase': {
      const words = node.text.split(/\s+/).filter((word) => word !== '')
      if (words.length === 0) return undefined
      const text =
        words.length === 1 ? words.join() : `"${words.join(' ')}"${node.slop === 0 ? '' : `~${node.slop}`}`
      return { text: `D:${text}`, isGroup: false }
    }
    case 'prefix':
      return { text: `D:${node.text}*`, isGroup: false }
    case 'fuzzy':
      return { text: `D:${node.text}~${node.edits}`, isGroup: false }
    case 'group':
      return joinSimpleOperands<Shown>(node, operator, {
        resolve: (inner) => shown(inner, operator),
        negate: (query) => ({ text: `-${inside(query)} *:*`, isGroup: true }),
        combine,
      })
  }
}

function combine(operator: Operator, queries: readonly Shown[]): Shown {
  return {
    text: queries.map((query) => (operator === 'and' ? '+' : '') + inside(query)).join(' '),
    isGroup: true,
  }
}

function inside({ text, isGroup }: Shown): string {
  return isGroup ? `(${text})` : text
}

// Text, and what Lucene 8.7's simple parser makes of it with the default operators "or" and "and".
const MEANINGS: readonly (readonly [text: string, or: string, and: string])[] = [
  ['a b', 'D:a D:b', '+D:a +D:b'],
  ['a + b', '+D:a +D:b', '+D:a +D:b'],
  ['a + b | c', '(+D:a +D:b) D:c', '(+D:a +D:b) D:c'],
  ['a | b + c d', '(+(D:a D:b) +D:c) D:d', '+(D:a D:b) +D:c +D:d'],
  ['a -b', 'D:a (-D:b *:*)', '+D:a +(-D:b *:*)'],
  ['--a', 'D:a', 'D:a'],
  ['-a', '-D:a *:*', '-D:a *:*'],
  ['a - b', 'D:a D:b', '+D:a +D:b'],
  ['a-b', 'D:a-b', 'D:a-b'],
  ['-(a b)', '-(D:a D:b) *:*', '-(+D:a +D:b) *:*'],
  ['-"a b"', '-D:"a b" *:*', '-D:"a b" *:*'],
  ['"a b"', 'D:"a b"', 'D:"a b"'],
  ['"a b"~2', 'D:"a b"~2', 'D:"a b"~2'],
  ['"a b"~2+c', 'D:"a b"~2 D:c', '+D:"a b"~2 +D:c'],
  ['"a b"~2 c', 'D:"a b"~2 D:c', '+D:"a b"~2 +D:c'],
  ['"a b"~', 'D:"a b"', 'D:"a b"'],
  ['"a b"~ c', 'D:"a b"~2 D:c', '+D:"a b"~2 +D:c'],
  ['"a b"~x c', 'D:"a b" D:c', '+D:"a b" +D:c'],
  ['"a b"~-1', 'D:"a b"', 'D:"a b"'],
  ['"a b"~99999999999', 'D:"a b"', 'D:"a b"'],
  ['"a', 'D:a', 'D:a'],
  ['a"b', 'D:a D:b', '+D:a +D:b'],
  ['a"b"c', 'D:a D:b D:c', '+D:a +D:b +D:c'],
  ['a "" b', 'D:a D:b', '+D:a +D:b'],
  ['a + "" b', 'D:a D:b', '+D:a +D:b'],
  ['a + () b', 'D:a D:b', '+D:a +D:b'],
  ['a | () b', 'D:a D:b', '+D:a +D:b'],
  ['a + ""~1 b', '+D:a +D:b', '+D:a +D:b'],
  ['(a', 'D:a', 'D:a'],
  ['a)', 'D:a', 'D:a'],
  ['(a b', 'D:a D:b', '+D:a +D:b'],
  ['((a) b', 'D:a D:b', '+D:a +D:b'],
  ['a*', 'D:a*', 'D:a*'],
  ['a* b', 'D:a* D:b', '+D:a* +D:b'],
  ['*', '*:*', '*:*'],
  [' * ', '*:*', '*:*'],
  ['a*b', 'D:a*b', 'D:a*b'],
  ['a\\*', 'D:a*', 'D:a*'],
  ['\\a', 'D:a', 'D:a'],
  ['a\\', 'D:a', 'D:a'],
  ['a~', 'D:a~2', 'D:a~2'],
  ['a~1', 'D:a~1', 'D:a~1'],
  ['a~2', 'D:a~2', 'D:a~2'],
  ['a~5', 'D:a~2', 'D:a~2'],
  ['a~0', 'D:a', 'D:a'],
  ['a~x', 'D:a', 'D:a'],
  ['a~1b', 'D:a', 'D:a'],
  ['a~-1', 'D:a', 'D:a'],
  ['~', 'D:~', 'D:~'],
  ['~1', 'D:~1', 'D:~1'],
  ['+a', 'D:a', 'D:a'],
  ['a +', 'D:a', 'D:a'],
  ['a ++ b', '+D:a +D:b', '+D:a +D:b'],
  ['a + | b', '+D:a +D:b', '+D:a +D:b'],
  ['a | + b', 'D:a D:b', 'D:a D:b'],
  ['a + -b', '+D:a +(-D:b *:*)', '+D:a +(-D:b *:*)'],
  ['a +-b', '+D:a +(-D:b *:*)', '+D:a +(-D:b *:*)'],
  ['-+a', 'D:a', 'D:a'],
  ['-\\-', '-D:- *:*', '-D:- *:*'],
  ['\\(a', 'D:(a', 'D:(a'],
  ['(a\\) b)', 'D:a) D:b', '+D:a) +D:b'],
  ['(a "b) c" d)', '(D:a D:b) D:c D:d', '+(+D:a +D:b) +D:c +D:d'],
  ['"a\\"b"', 'D:a"b', 'D:a"b'],
  ['( )', '', ''],
  ['a ( ) b', 'D:a D:b', '+D:a +D:b'],
  ['a\tb\nc\rd', 'D:a D:b D:c D:d', '+D:a +D:b +D:c +D:d'],
  ['a~ b', 'D:a~2 D:b', '+D:a~2 +D:b'],
  ['a|b', 'D:a D:b', 'D:a D:b'],
  ['a+b', '+D:a +D:b', '+D:a +D:b'],
  ['(a|b)+c', '+(D:a D:b) +D:c', '+(D:a D:b) +D:c'],
  ['(a|b) -(c d)', '(D:a D:b) (-(D:c D:d) *:*)', '+(D:a D:b) +(-(+D:c +D:d) *:*)'],
  ['-a -b', '(-D:a *:*) (-D:b *:*)', '+(-D:a *:*) +(-D:b *:*)'],
  ['a~1+b', '+D:a~1 +D:b', '+D:a~1 +D:b'],
  ['"a"~1|b', 'D:a D:b', '+D:a +D:b'],
  ['"("+a)', '+D:( +D:a', '+D:( +D:a'],
  ['""', '', ''],
  ['a "  " + b', '+D:a +D:b', '+D:a +D:b'],
  ['()', '', ''],
  ['-()a', 'D:a', 'D:a'],
  ['a | (b c) + d', '+(D:a (D:b D:c)) +D:d', '+(D:a (+D:b +D:c)) +D:d'],
  ['((a))', 'D:a', 'D:a'],
  ['(a b) c', '(D:a D:b) D:c', '+(+D:a +D:b) +D:c'],
  ['a ("" ) b', 'D:a D:b', '+D:a +D:b'],
  ['a + ("") | b', '+D:a +D:b', '+D:a +D:b'],
  ['a | ("") b', 'D:a D:b', 'D:a D:b'],
  ['a + b + c | d', '(+D:a +D:b +D:c) D:d', '(+D:a +D:b +D:c) D:d'],
  ['(a + b) | (c + d)', '(+D:a +D:b) (+D:c +D:d)', '(+D:a +D:b) (+D:c +D:d)'],
  ['-(-a)', '-(-D:a *:*) *:*', '-(-D:a *:*) *:*'],
  ['a*~1', 'D:a*~1', 'D:a*~1'],
  ['a~1*', 'D:a', 'D:a'],
]

test("queries mean what Lucene's simple parser makes of them", () => {
  for (const [text, or, and] of MEANINGS) {
    const node = parseSimpleQueryString(text, ALL_SIMPLE_FLAGS)
    assert.deepEqual({ text, or: show(node, 'or'), and: show(node, 'and') }, { text, or, and })
  }
})

// Flags, text, and what Lucene 8.7 makes of it with the default operator "or".
const WITH_FLAGS: readonly (readonly [flags: number, text: string, meaning: string])[] = [
  [0, 'a | b + "c d" -e (f) g* h~1 i\\*', 'D:a D:| D:b D:+ D:"c D:d" D:-e D:(f) D:g* D:h~1 D:i\\*'],
  [1022, 'a + b', 'D:a D:+ D:b'],
  [1021, 'a -b', 'D:a D:-b'],
  [1019, 'a | b', 'D:a D:| D:b'],
  [1015, 'a*', 'D:a*'],
  [1007, '"a b"', 'D:"a D:b"'],
  [991, '(a b)', 'D:(a D:b)'],
  [959, 'a\\*b', 'D:a\\*b'],
  [959, '"a\\" b"', 'D:a\\ D:b'],
  [895, 'a b|c', '(D:a D:b) D:c'],
  [767, 'a~1', 'D:a~1'],
  [511, '"a b"~1', 'D:"a b" D:~1'],
  [959, '(a\\)b', 'D:a\\ D:b'],
]

test('operators that are switched off are plain characters', () => {
  for (const [flags, text, meaning] of WITH_FLAGS) {
    assert.deepEqual(
      { flags, text, meaning: show(parseSimpleQueryString(text, flags), 'or') },
      { flags, text, meaning },
    )
  }
})

test('operands tell their operator, negation and kind', () => {
  assert.deepEqual(parseSimpleQueryString('a | -"b c"~2 + d* () e~1', ALL_SIMPLE_FLAGS), {
    kind: 'group',
    operands: [
      { kind: 'operand', isNegated: false, node: { kind: 'text', text: 'a' } },
      { kind: 'operand', operator: 'or', isNegated: true, node: { kind: 'phrase', text: 'b c', slop: 2 } },
      { kind: 'operand', operator: 'and', isNegated: false, node: { kind: 'prefix', text: 'd' } },
      { kind: 'empty' },
      { kind: 'operand', isNegated: false, node: { kind: 'fuzzy', text: 'e', edits: 1 } },
    ],
  })
  assert.deepEqual(parseSimpleQueryString(' * ', ALL_SIMPLE_FLAGS), { kind: 'all' })
})

test('flags are names in any case, joined by bars, or their sum', () => {
  assert.equal(parseSimpleFlags(''), ALL_SIMPLE_FLAGS)
  assert.equal(parseSimpleFlags('ALL'), ALL_SIMPLE_FLAGS)
  assert.equal(parseSimpleFlags('OR|all|AND'), ALL_SIMPLE_FLAGS)
  assert.equal(parseSimpleFlags('NONE'), 0)
  assert.equal(parseSimpleFlags('OR|NONE|AND'), 0)
  assert.equal(parseSimpleFlags('|'), 0)
  const names = [
    'AND',
    'NOT',
    'OR',
    'PREFIX',
    'PHRASE',
    'PRECEDENCE',
    'ESCAPE',
    'WHITESPACE',
    'FUZZY',
    'NEAR',
  ]
  for (const [index, name] of names.entries()) assert.equal(parseSimpleFlags(name.toLowerCase()), 2 ** index)
  assert.equal(parseSimpleFlags('SLOP'), 512)
  assert.equal(parseSimpleFlags(names.join('|')), ALL_SIMPLE_FLAGS)
  assert.equal(parseSimpleFlags(5), 5)
  assert.equal(parseSimpleFlags(-1), ALL_SIMPLE_FLAGS)
  assert.equal(parseSimpleFlags(2048), 0)
  assertRefuses(() => parseSimpleFlags('OR|FOO'), 'malformed', 'Unknown simple_query_string flag [FOO]')
  assertRefuses(
    () => parseSimpleFlags('constructor'),
    'malformed',
    'Unknown simple_query_string flag [constructor]',
  )
})

test('operands and parentheses are bounded', () => {
  const message = (text: string) =>
    `Failed to parse query [${text.length > 1000 ? `${text.slice(0, 1000)}…` : text}]: it has more than 1024 operands, or is nested more than 100 levels deep`
  assert.equal(parseSimpleQueryString('a '.repeat(1024), ALL_SIMPLE_FLAGS).kind, 'group')
  const tooMany = 'a '.repeat(1025)
  assertRefuses(() => parseSimpleQueryString(tooMany, ALL_SIMPLE_FLAGS), 'malformed', message(tooMany))
  const nested = (depth: number) => `${'('.repeat(depth)}a${')'.repeat(depth)}`
  assert.equal(show(parseSimpleQueryString(nested(99), ALL_SIMPLE_FLAGS), 'or'), 'D:a')
  assertRefuses(
    () => parseSimpleQueryString(nested(100), ALL_SIMPLE_FLAGS),
    'malformed',
    message(nested(100)),
  )
  assert.equal(parseSimpleQueryString('(a) '.repeat(120), ALL_SIMPLE_FLAGS).kind, 'group')
})

test('every text is parsed, in time linear in its length', { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'ab+-|()"~*\\ 1'), maxLength: 30 }),
      fc.nat(ALL_SIMPLE_FLAGS),
      (text, flags) => {
        const node = parseSimpleQueryString(text, flags)
        assert.equal(typeof show(node, 'or'), 'string')
      },
    ),
    { numRuns: 2000 },
  )
  for (const piece of ['(', ')', '-', '\\', '~', '+', '\\(']) {
    assert.ok(parseSimpleQueryString(piece.repeat(300_000), ALL_SIMPLE_FLAGS).kind === 'group')
  }
})
