import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { QueryError } from './query-error.ts'
import {
  escapeQueryString,
  joinQueryStringClauses,
  parseQueryString,
  type QueryStringClause,
  type QueryStringLeaf,
  type QueryStringNode,
} from './query-string.ts'
import { assertRefuses } from './testing/refusal.ts'

type Operator = 'and' | 'or'

/** A query as Lucene prints it; `isGroup` when it needs parentheses inside another. */
type Shown = { readonly text: string; readonly isGroup: boolean }

const SIGNS = { must: '+', should: '', mustNot: '-' } as const

/** What the tree means, in Lucene's notation, when texts are cut at white space; `D` is the default field. */
function show(node: QueryStringNode, operator: Operator): string {
  return shownNode(node, operator)?.text ?? ''
}

function shownNode(node: QueryStringNode, operator: Operator): Shown | undefined {
  const shown = node.kind === 'group' ? shownGroup(node.clauses, operator) : shownLeaf(node, operator)
  if (shown === undefined || node.boost === undefined) return shown
  return {
    text: `(${shown.text})^${Number.isInteger(node.boost) ? `${node.boost}.0` : node.boost}`,
    isGroup: false,
  }
}

function shownGroup(clauses: readonly QueryStringClause[], operator: Operator): Shown | undefined {
  const joined = joinQueryStringClauses(clauses, operator, ({ node, isWordRun }) => {
    if (isWordRun && node.kind === 'text') return words(node).map((text) => ({ text, isGroup: false }))
    const shown = shownNode(node, operator)
    return shown === undefined ? [] : [shown]
  })
  if (joined.length === 0) return undefined
  const text = joined.map(({ occurrence, query }) => SIGNS[occurrence] + inside(query)).join(' ')
  return { text, isGroup: true }
}

function inside({ text, isGroup }: Shown): string {
  return isGroup ? `(${text})` : text
}

function words({ field = 'D', text }: { readonly field?: string; readonly text: string }): readonly string[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => `${field}:${word}`)
}

function shownLeaf(leaf: QueryStringLeaf, operator: Operator): Shown | undefined {
  const field = `${leaf.field ?? 'D'}:`
  switch (leaf.kind) {
    case 'text': {
      const [first, ...others] = words(leaf)
      if (first === undefined) return undefined
      const all = [first, ...others].map((word) => (operator === 'and' ? `+${word}` : word))
      return others.length === 0 ? { text: first, isGroup: false } : { text: all.join(' '), isGroup: true }
    }
    case 'phrase': {
      const found = words({ field: '', text: leaf.text }).map((word) => word.slice(1))
      if (found.length === 0) return undefined
      const slop = leaf.slop === undefined || leaf.slop === 0 ? '' : `~${leaf.slop}`
      return {
        text: field + (found.length === 1 ? found.join() : `"${found.join(' ')}"${slop}`),
        isGroup: false,
      }
    }
    case 'fuzzy':
      return {
        text: `${field}${leaf.text}~${leaf.fuzziness?.kind === 'edits' ? leaf.fuzziness.edits : 2}`,
        isGroup: false,
      }
    case 'prefix':
      return { text: `${field}${leaf.text}*`, isGroup: false }
    case 'wildcard':
      return { text: field + leaf.pattern, isGroup: false }
    case 'regexp':
      return { text: `${field}/${leaf.pattern}/`, isGroup: false }
    case 'exists':
      return { text: `${field}*`, isGroup: false }
    case 'range': {
      const bound = (value: string | undefined) => (value === undefined ? '*' : value === '*' ? '\\*' : value)
      const [open, close] = [
        leaf.lower?.inclusive === false ? '{' : '[',
        leaf.upper?.inclusive === false ? '}' : ']',
      ]
      return {
        text: `${field}${open}${bound(leaf.lower?.value)} TO ${bound(leaf.upper?.value)}${close}`,
        isGroup: false,
      }
    }
  }
}

// Text, and what Lucene 8.7's classic parser makes of it with the default operators "or" and "and".
const MEANINGS: readonly (readonly [text: string, or: string, and: string])[] = [
  ['a', 'D:a', 'D:a'],
  ['a b', 'D:a D:b', '+D:a +D:b'],
  ['a b c', 'D:a D:b D:c', '+D:a +D:b +D:c'],
  ['a~ b', 'D:a~2 D:b', '+D:a~2 +D:b'],
  ['a ~2', 'D:a~2', 'D:a~2'],
  ['a b NOT c', 'D:a D:b -D:c', '+D:a +D:b -D:c'],
  ['a b -c', 'D:a D:b -D:c', '+D:a +D:b -D:c'],
  ['a b +c', 'D:a D:b +D:c', '+D:a +D:b +D:c'],
  ['a b (c)', 'D:a D:b D:c', '+D:a +D:b +D:c'],
  ['a b "c"', 'D:a D:b D:c', '+D:a +D:b +D:c'],
  ['a b c*', 'D:a D:b D:c*', '+D:a +D:b +D:c*'],
  ['a b /r/', 'D:a D:b D:/r/', '+D:a +D:b +D:/r/'],
  ['a b [1 TO 2]', 'D:a D:b D:[1 TO 2]', '+D:a +D:b +D:[1 TO 2]'],
  ['a b c:d', 'D:a D:b c:d', '+D:a +D:b +c:d'],
  ['a b OR c', 'D:a D:b D:c', '+D:a D:b D:c'],
  ['a b c AND d', 'D:a D:b +D:c +D:d', '+D:a +D:b +D:c +D:d'],
  ['(a b) AND c', '+(D:a D:b) +D:c', '+(+D:a +D:b) +D:c'],
  ['a - b', 'D:a D:- D:b', '+D:a +D:- +D:b'],
  ['a -b', 'D:a -D:b', '+D:a -D:b'],
  ['+a -b !c', '+D:a -D:b -D:c', '+D:a -D:b -D:c'],
  ['a AND NOT b', '+D:a -D:b', '+D:a -D:b'],
  ['a OR b AND c', 'D:a +D:b +D:c', 'D:a +D:b +D:c'],
  ['a AND b OR c', '+D:a +D:b D:c', '+D:a D:b D:c'],
  ['a OR b OR c', 'D:a D:b D:c', 'D:a D:b D:c'],
  ['NOT a', '-D:a', '-D:a'],
  ['NOT a AND b', '-D:a +D:b', '-D:a +D:b'],
  ['-a OR b', '-D:a D:b', '-D:a D:b'],
  ['+a OR b', '+D:a D:b', 'D:a D:b'],
  ['+a b', '+D:a D:b', '+D:a +D:b'],
  ['f:(a b)', 'f:a f:b', '+f:a +f:b'],
  ['f:(a b)^2', '(f:a f:b)^2.0', '(+f:a +f:b)^2.0'],
  ['f:(a g:b)', 'f:a g:b', '+f:a +g:b'],
  ['f:a b', 'f:a D:b', '+f:a +D:b'],
  ['f:a b c', 'f:a D:b D:c', '+f:a +D:b +D:c'],
  ['[a TO b]', 'D:[a TO b]', 'D:[a TO b]'],
  ['[a TO b}', 'D:[a TO b}', 'D:[a TO b}'],
  ['{a TO *]', 'D:{a TO *]', 'D:{a TO *]'],
  ['[TO TO TO]', 'D:[TO TO TO]', 'D:[TO TO TO]'],
  ['["a b" TO "*"]', 'D:[a b TO \\*]', 'D:[a b TO \\*]'],
  ['[* TO *]', 'D:[* TO *]', 'D:[* TO *]'],
  ['[a  TO  b]^3', '(D:[a TO b])^3.0', '(D:[a TO b])^3.0'],
  ['{"a" TO "b"x]', 'D:{a TO "b"x]', 'D:{a TO "b"x]'],
  ['a^2', '(D:a)^2.0', '(D:a)^2.0'],
  ['a^2~1', '(D:a~1)^2.0', '(D:a~1)^2.0'],
  ['a~1^2', '(D:a~1)^2.0', '(D:a~1)^2.0'],
  ['a^2.5', '(D:a)^2.5', '(D:a)^2.5'],
  ['"a b"^2~1', '(D:"a b"~1)^2.0', '(D:"a b"~1)^2.0'],
  ['"a b"~3', 'D:"a b"~3', 'D:"a b"~3'],
  ['"a b"~2.7', 'D:"a b"~2', 'D:"a b"~2'],
  ['"a b"~x', 'D:"a b"', 'D:"a b"'],
  ['"a b"~', 'D:"a b"', 'D:"a b"'],
  ['pre*', 'D:pre*', 'D:pre*'],
  ['pre*~', 'D:pre*', 'D:pre*'],
  ['pre*^2', '(D:pre*)^2.0', '(D:pre*)^2.0'],
  ['p?e*^2', '(D:p?e*)^2.0', '(D:p?e*)^2.0'],
  ['*', 'D:*', 'D:*'],
  ['*:*', '*:*', '*:*'],
  ['f:*', 'f:*', 'f:*'],
  ['f\\*:b', 'f*:b', 'f*:b'],
  ['*:b', '*:b', '*:b'],
  ['/a\\/b/', 'D:/a\\/b/', 'D:/a\\/b/'],
  ['/[a-z]+/^2', '(D:/[a-z]+/)^2.0', '(D:/[a-z]+/)^2.0'],
  ['a\\:b', 'D:a:b', 'D:a:b'],
  ['a\\ b', 'D:a D:b', '+D:a +D:b'],
  ['\\u0041b', 'D:Ab', 'D:Ab'],
  ['a&&b', 'D:a&&b', 'D:a&&b'],
  ['a && b', '+D:a +D:b', '+D:a +D:b'],
  ['a || b', 'D:a D:b', 'D:a D:b'],
  ['a!b', 'D:a -D:b', '+D:a -D:b'],
  ['! a', 'D:! D:a', '+D:! +D:a'],
  ['- -a', 'D:- -D:a', '+D:- -D:a'],
  ['"a\\"b"', 'D:a"b', 'D:a"b'],
  ['a "b c" d', 'D:a D:"b c" D:d', '+D:a +D:"b c" +D:d'],
  ['f:"a b"', 'f:"a b"', 'f:"a b"'],
  ['f: a', 'f:a', 'f:a'],
  ['f :a', 'f:a', 'f:a'],
  ['a NOT b OR c', 'D:a -D:b D:c', '+D:a -D:b D:c'],
  ['(a OR b) c', '(D:a D:b) D:c', '+(D:a D:b) +D:c'],
  ['a b^2 c d', 'D:a (D:b)^2.0 D:c D:d', '+D:a +(D:b)^2.0 +D:c +D:d'],
  ['a b c~1 d', 'D:a D:b D:c~1 D:d', '+D:a +D:b +D:c~1 +D:d'],
  ['a*b', 'D:a*b', 'D:a*b'],
  ['a\\*', 'D:a*', 'D:a*'],
  ['+(a b) -c', '+(D:a D:b) -D:c', '+(+D:a +D:b) -D:c'],
  ['(a)^2', '(D:a)^2.0', '(D:a)^2.0'],
  ['((a))^2', '(D:a)^2.0', '(D:a)^2.0'],
  ['(a b)^2', '(D:a D:b)^2.0', '(+D:a +D:b)^2.0'],
  ['a AND b OR c AND d', '+D:a +D:b +D:c +D:d', '+D:a D:b +D:c +D:d'],
  ['-a -b', '-D:a -D:b', '-D:a -D:b'],
  ['a b AND NOT c d', 'D:a +D:b -D:c D:d', '+D:a +D:b -D:c +D:d'],
  ['TO', 'D:TO', 'D:TO'],
  ['a TO b', 'D:a D:TO D:b', '+D:a +D:TO +D:b'],
  ['(a (b c)) d', '(D:a (D:b D:c)) D:d', '+(+D:a +(+D:b +D:c)) +D:d'],
  ['a OR (b AND c)', 'D:a (+D:b +D:c)', 'D:a (+D:b +D:c)'],
  ['é　b', 'D:é D:b', '+D:é +D:b'],
  ['NOT (a b)', '-(D:a D:b)', '-(+D:a +D:b)'],
  ['+a +b c', '+D:a +D:b D:c', '+D:a +D:b +D:c'],
  ['a\tb\nc', 'D:a D:b D:c', '+D:a +D:b +D:c'],
]

test("queries mean what Lucene's classic parser makes of them", () => {
  for (const [text, or, and] of MEANINGS) {
    const node = parseQueryString(text)
    assert.deepEqual({ text, or: show(node, 'or'), and: show(node, 'and') }, { text, or, and })
  }
})

test('every kind of test is told apart', () => {
  const examples: readonly (readonly [text: string, node: QueryStringNode])[] = [
    ['word', { kind: 'text', text: 'word' }],
    ['f:word^2', { kind: 'text', field: 'f', text: 'word', boost: 2 }],
    ['f:"a b"', { kind: 'phrase', field: 'f', text: 'a b' }],
    ['"a b"~3', { kind: 'phrase', text: 'a b', slop: 3 }],
    ['"a b"~2.9', { kind: 'phrase', text: 'a b', slop: 2 }],
    ['"a b"~0', { kind: 'phrase', text: 'a b', slop: 0 }],
    ['"a b"~', { kind: 'phrase', text: 'a b' }],
    ['"a b"~x', { kind: 'phrase', text: 'a b' }],
    ['"a b"~1x', { kind: 'phrase', text: 'a b' }],
    ['"a b"~x1', { kind: 'phrase', text: 'a b' }],
    ['""', { kind: 'phrase', text: '' }],
    ['word~', { kind: 'fuzzy', text: 'word' }],
    [
      'f:wo\\rd~1^0.5',
      { kind: 'fuzzy', field: 'f', text: 'word', fuzziness: { kind: 'edits', edits: 1 }, boost: 0.5 },
    ],
    ['- ~1', { kind: 'fuzzy', text: '-', fuzziness: { kind: 'edits', edits: 1 } }],
    ['pre*', { kind: 'prefix', text: 'pre' }],
    ['f:p\\:re*', { kind: 'prefix', field: 'f', text: 'p:re' }],
    ['w?ld*', { kind: 'wildcard', pattern: 'w?ld*' }],
    ['f:*fo\\*', { kind: 'wildcard', field: 'f', pattern: '*fo\\*' }],
    ['?', { kind: 'wildcard', pattern: '?' }],
    ['**', { kind: 'wildcard', pattern: '**' }],
    ['f:/a[b]\\/c/', { kind: 'regexp', field: 'f', pattern: 'a[b]\\/c' }],
    ['*', { kind: 'exists' }],
    ['f:*', { kind: 'exists', field: 'f' }],
    ['*:*', { kind: 'exists', field: '*' }],
    ['_exists_:f', { kind: 'exists', field: 'f' }],
    ['_exists_:f^2', { kind: 'exists', field: 'f', boost: 2 }],
    ['f\\*:x', { kind: 'text', field: 'f*', text: 'x' }],
    [
      'f:[1 TO 2}^3',
      {
        kind: 'range',
        field: 'f',
        lower: { value: '1', inclusive: true },
        upper: { value: '2', inclusive: false },
        boost: 3,
      },
    ],
    ['{"a b" TO *]', { kind: 'range', lower: { value: 'a b', inclusive: false } }],
    ['[* TO "*"]', { kind: 'range', upper: { value: '*', inclusive: true } }],
    ['[* TO *]', { kind: 'range' }],
    ['f:>5', { kind: 'range', field: 'f', lower: { value: '5', inclusive: false } }],
    ['f:>=5', { kind: 'range', field: 'f', lower: { value: '5', inclusive: true } }],
    ['f:<-1', { kind: 'range', field: 'f', upper: { value: '-1', inclusive: false } }],
    ['f:<=5^2', { kind: 'range', field: 'f', upper: { value: '5', inclusive: true }, boost: 2 }],
    ['f:>', { kind: 'text', field: 'f', text: '>' }],
    ['f:a>5', { kind: 'text', field: 'f', text: 'a>5' }],
    ['>5', { kind: 'text', text: '>5' }],
  ]
  for (const [text, node] of examples) assert.deepEqual(parseQueryString(text), node, text)
})

test("a comparison needs a field, which may be the request's only one", () => {
  assert.deepEqual(parseQueryString('>5', { defaultField: 'f' }), {
    kind: 'range',
    lower: { value: '5', inclusive: false },
  })
  assert.deepEqual(parseQueryString('f:(>5)'), {
    kind: 'range',
    field: 'f',
    lower: { value: '5', inclusive: false },
  })
})

test('words without an operator between them are one text, up to what claims the last of them', () => {
  const clause = { conjunction: 'none', modifier: 'none' } as const
  assert.deepEqual(
    parseQueryString('a\\*\t b　c'),
    {
      kind: 'group',
      clauses: [{ ...clause, isWordRun: true, node: { kind: 'text', text: 'a* b c' } }],
    }.clauses[0]?.node,
  )
  assert.deepEqual(parseQueryString('a b c~ d e'), {
    kind: 'group',
    clauses: [
      { ...clause, isWordRun: true, node: { kind: 'text', text: 'a b' } },
      { ...clause, isWordRun: false, node: { kind: 'fuzzy', text: 'c' } },
      { ...clause, isWordRun: true, node: { kind: 'text', text: 'd e' } },
    ],
  })
  assert.deepEqual(parseQueryString('f:(a b) +c'), {
    kind: 'group',
    clauses: [
      { ...clause, isWordRun: false, node: { kind: 'text', field: 'f', text: 'a b' } },
      { ...clause, modifier: 'required', isWordRun: false, node: { kind: 'text', text: 'c' } },
    ],
  })
})

test('boosts of nested parentheses multiply', () => {
  assert.deepEqual(parseQueryString('((a^2)^3)^0.5'), { kind: 'text', text: 'a', boost: 3 })
})

test('a clause of which analysis leaves nothing is no neighbour', () => {
  const without = (text: string, operator: Operator) => {
    const node = parseQueryString(text)
    assert.equal(node.kind, 'group')
    const clauses = node.kind === 'group' ? node.clauses : []
    return joinQueryStringClauses(clauses, operator, (clause) =>
      clause.node.kind === 'phrase' ? [] : [clause.node.kind === 'text' ? clause.node.text : ''],
    )
  }
  assert.deepEqual(without('a OR "-" AND b', 'or'), [
    { occurrence: 'must', query: 'a' },
    { occurrence: 'must', query: 'b' },
  ])
  assert.deepEqual(without('"-" AND b', 'or'), [{ occurrence: 'must', query: 'b' }])
  assert.deepEqual(without('a OR "-" b', 'and'), [
    { occurrence: 'should', query: 'a' },
    { occurrence: 'must', query: 'b' },
  ])
  assert.deepEqual(without('NOT a AND "-"', 'or'), [{ occurrence: 'mustNot', query: 'a' }])
})

test('everything else is a syntax error', () => {
  for (const text of [
    '[a b]',
    'f:[1 TO]',
    'f:[TO 1]',
    'a^',
    'a^ 2',
    'a^-1',
    'a^x',
    'a*:b',
    'a/b',
    '/ab',
    'a\\',
    '\\u00',
    '\\uzzzz',
    '()',
    '(a',
    'a)',
    'a &&',
    'AND a',
    'a AND',
    'OR',
    '&&',
    '--a',
    '+-a',
    'a:',
    'a:b:c',
    ':a',
    '"a',
    'NOT',
    'a^1^2',
    '(a)^2^3',
    '(a b',
    'f:[a TO b c]',
    'f:[a\\] TO b]',
    '[a TO b',
    'a AND OR b',
    'a)b',
    '^2',
    '~',
    'f:)',
    '(a))',
    'a (',
    '"a" "',
    'a {',
    'a:^2',
    'a AND (b',
  ]) {
    assertRefuses(() => parseQueryString(text), 'malformed', `Failed to parse query [${text}]`)
  }
})

test('fuzziness that is none is refused with its own message', () => {
  assertRefuses(() => parseQueryString('a~3'), 'malformed', 'Valid edit distances are [0, 1, 2] but was [3].')
  assertRefuses(() => parseQueryString('a~b'), 'malformed', 'fuzziness cannot be [b].')
})

test('clauses and parentheses are bounded', () => {
  const clauses = (count: number) => Array.from({ length: count }, (_, index) => `+c${index}`).join(' ')
  const node = parseQueryString(clauses(1024))
  assert.equal(node.kind === 'group' && node.clauses.length, 1024)
  assert.throws(() => parseQueryString(clauses(1025)), { code: 'malformed' })
  const nested = (depth: number) => `${'('.repeat(depth)}a${')'.repeat(depth)}`
  assert.deepEqual(parseQueryString(nested(99)), { kind: 'text', text: 'a' })
  assert.throws(() => parseQueryString(nested(100)), { code: 'malformed' })
  assert.equal(parseQueryString(Array.from({ length: 120 }, () => '(a)').join(' ')).kind, 'group')
})

test('an escaped text is one word or one text, whatever it holds', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'ab+-=&|><!(){}[]^"~*?:\\/'), minLength: 1, maxLength: 12 }),
      (text) => {
        const escaped = escapeQueryString(text)
        const node = parseQueryString(escaped)
        assert.deepEqual(node, { kind: 'text', text })
      },
    ),
  )
  assert.equal(escapeQueryString('a+b && c="d"'), 'a\\+b \\&\\& c=\\"d\\"')
})

test('any text is parsed or refused, in time linear in its length', { timeout: 30_000 }, () => {
  const unit = fc.constantFrom(...'ab:+-!()[]{}"~^*?\\/ 1', ' AND ', ' OR ', ' NOT ', ' TO ', '&&', '||')
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 30 }), (text) => {
      parseOrRefuse(text)
    }),
    { numRuns: 2000 },
  )
  for (const piece of ['"', '/', '\\', '(', '[', 'a~', '/\\', '[" ', 'a b:']) {
    parseOrRefuse(piece.repeat(100_000))
  }
})

function parseOrRefuse(text: string): void {
  try {
    parseQueryString(text)
  } catch (error) {
    const code = error instanceof QueryError ? error.code : String(error)
    assert.equal(code, 'malformed')
  }
}

test('a refusal quotes no more than the start of a very long text', () => {
  const text = `${'a'.repeat(2000)} (`
  assertRefuses(() => parseQueryString(text), 'malformed', `Failed to parse query [${'a'.repeat(1000)}…]`)
  const shorter = `${'a'.repeat(998)} (`
  assertRefuses(() => parseQueryString(shorter), 'malformed', `Failed to parse query [${shorter}]`)
})
