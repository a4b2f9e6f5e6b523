import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ALL, assertRefused, documentsOf, find, NOW, searchIn } from './sample-keys.ts'

/** Ids in creation order: what matches, not how well. */
async function found(
  query: string,
  more: object = { default_field: 'description' },
): Promise<readonly string[]> {
  const ids = await find({ query_string: { query, ...more } })
  return ALL.filter((id) => ids.includes(id))
}

const LORA = ['perm', 'half', 'gate']

describe('query_string', () => {
  test('joins words without an operator by the default operator', async () => {
    assert.deepEqual(await found('lora gateway'), LORA)
    assert.deepEqual(await found('lora gateway', { default_field: 'description', default_operator: 'AND' }), [
      'gate',
    ])
  })

  test('takes AND, OR, NOT, +, - and parentheses', async () => {
    assert.deepEqual(await found('(lora OR sigfox) AND key'), ['perm', 'half', 'fox'])
    assert.deepEqual(await found('lora && !gateway'), ['perm', 'half'])
    assert.deepEqual(await found('+lora -permanent'), ['half', 'gate'])
    assert.deepEqual(
      await found('NOT lora'),
      ALL.filter((id) => !LORA.includes(id)),
    )
  })

  test('has no precedence: AND makes both neighbours required', async () => {
    assert.deepEqual(await found('gateway OR lora AND key'), ['perm', 'half'])
  })

  test('looks into the fields that it names, or that are named for it', async () => {
    assert.deepEqual(await found('userId:melis'), ['call', 'ete'])
    assert.deepEqual(await found('description:(lora gateway) AND ttl:42', {}), ['gate'])
    assert.deepEqual(await found('melis', { fields: ['description', 'userId^2'] }), ['call', 'ete'])
    assert.deepEqual(await found('desc\\*:lora', {}), LORA)
    assert.deepEqual(await found('nope:lora', {}), [])
  })

  test('takes words next to each other for one text in each field', async () => {
    assert.deepEqual(await found('melis lora', { fields: ['description', 'userId'] }), LORA)
    assert.deepEqual(await found('userId:CI-Bot', {}), ['ship'])
  })

  test('takes phrases, with slop', async () => {
    assert.deepEqual(await found('"api key"'), ['perm', 'half', 'fox'])
    assert.deepEqual(await found('"permanent key"'), [])
    assert.deepEqual(await found('"permanent key"~1'), ['perm'])
    assert.deepEqual(await found('"permanent key"', { default_field: 'description', phrase_slop: 1 }), [
      'perm',
    ])
  })

  test('takes prefixes, wildcards, misspellings and regular expressions, in the case of the terms', async () => {
    assert.deepEqual(await found('LO*'), LORA)
    assert.deepEqual(await found('*F?x'), ['fox'])
    assert.deepEqual(await found('SIGFAX~'), ['fox'])
    assert.deepEqual(await found('sigfbz~1'), [])
    assert.deepEqual(await found('/lo.A/'), LORA)
    assert.deepEqual(await found('userId:JAR*', {}), [])
  })

  test('refuses leading wildcards when told to', () => {
    const query_string = { query: '*fox', default_field: 'description', allow_leading_wildcard: false }
    assertRefused({ query_string }, 'Failed to parse query [*fox]')
  })

  test('takes ranges and comparisons', async () => {
    assert.deepEqual(await found('expiresAt:[0 TO *]', {}), ['half', 'gate', 'call', 'ete', 'empty', 'ship'])
    assert.deepEqual(await found('expiresAt:{-1 TO 1724803200000}', {}), ['gate', 'call'])
    assert.deepEqual(await found('ttl:>=42 AND ttl:<5', {}), ['gate'])
    assert.deepEqual(await found('_kuzzle_info.createdAt:[2024-03-01 TO 2024-03-31]', {}), ['half', 'fox'])
    assert.deepEqual(await found('description:[LO TO ls]', {}), LORA)
  })

  test('takes questions for any value', async () => {
    assert.deepEqual(await found('_exists_:_kuzzle_info.updater', {}), ['ship'])
    assert.deepEqual(
      await found('description:*', {}),
      ALL.filter((id) => id !== 'none'),
    )
    assert.deepEqual(await found('*', {}), ALL)
    assert.deepEqual(await found('*:*'), ALL)
    assert.deepEqual(await found('*', { fields: ['_kuzzle_info.updater', 'nope'] }), ['ship'])
  })

  test('takes boosts', async () => {
    const query_string = { query: 'gateway OR permanent^10', default_field: 'description' }
    assert.equal((await find({ query_string })).at(-1), 'gate')
  })

  test('counts the words against minimum_should_match', async () => {
    const more = { default_field: 'description', minimum_should_match: 2 }
    assert.deepEqual(await found('lora permanent key', more), ['perm', 'half', 'ship'])
  })

  test('finds nothing for a blank text, and ignores text that leaves no token', async () => {
    assert.deepEqual(await found('  '), [])
    assert.deepEqual(await found('!!'.replaceAll('!', '\\!')), [])
    assert.deepEqual(await found('lora AND "--"'), LORA)
  })

  test('looks for the text as it is with escape', async () => {
    assert.deepEqual(await found('lora AND (', { default_field: 'description', escape: true }), LORA)
  })

  test('looks for quoted texts in the field with the suffix', async () => {
    const mapping = { properties: { t: { type: 'text' }, 't.raw': { type: 'keyword' } } } as const
    const documents = documentsOf(mapping, [
      { t: 'A B', 't.raw': 'A B' },
      { t: 'A B', 't.raw': 'x' },
    ])
    const query_string = { query: '"A B"', default_field: 't', quote_field_suffix: '.raw' }
    assert.deepEqual(await searchIn(documents, { mapping, now: NOW }, { query: { query_string } }), ['d0'])
  })

  test('is lenient over all fields and strict over named ones', async () => {
    assert.deepEqual(await found('melis', {}), ['call', 'ete'])
    assertRefused(
      { query_string: { query: 'expiresAt:abc', default_field: 'description' } },
      'For input string: "abc"',
    )
    assert.deepEqual(await found('expiresAt:abc', { default_field: 'description', lenient: true }), [])
  })

  test('refuses broken syntax and arguments', () => {
    for (const query of ['(', 'a AND', '"x', 'a:b:c', '[1 TO']) {
      assertRefused(
        { query_string: { query, default_field: 'description' } },
        `Failed to parse query [${query}]`,
      )
    }
    assertRefused({ query_string: { default_field: 'a' } }, '[query_string] must be provided with a [query]')
    assertRefused(
      { query_string: { query: 'a', default_field: 'a', fields: ['b'] } },
      'cannot use [fields] parameter in conjunction with [default_field]',
    )
    assertRefused({ query_string: { query: 'a', x: 1 } }, '[query_string] query does not support [x]')
  })
})

async function simple(query: string, more: object = {}): Promise<readonly string[]> {
  const ids = await find({ simple_query_string: { query, fields: ['description'], ...more } })
  return ALL.filter((id) => ids.includes(id))
}

describe('simple_query_string', () => {
  test('joins words by the default operator, or by + and |', async () => {
    assert.deepEqual(await simple('gateway sigfox'), ['fox', 'gate'])
    assert.deepEqual(await simple('lora key', { default_operator: 'and' }), ['perm', 'half'])
    assert.deepEqual(await simple('lora + permanent'), ['perm'])
    assert.deepEqual(await simple('(lora | sigfox) + key'), ['perm', 'half', 'fox'])
  })

  test('takes -x for one more alternative, or for a condition', async () => {
    assert.deepEqual(
      await simple('lora -permanent'),
      ALL.filter((id) => id !== 'ship'),
    )
    assert.deepEqual(await simple('lora -permanent', { default_operator: 'and' }), ['half', 'gate'])
  })

  test('takes prefixes, misspellings and phrases', async () => {
    assert.deepEqual(await simple('SIG*'), ['fox', 'call'])
    assert.deepEqual(await simple('sigfax~1'), ['fox'])
    assert.deepEqual(await simple('"permanent key"~1'), ['perm'])
    assert.deepEqual(await simple('"permanent key"'), [])
  })

  test('takes operators for text that are switched off', async () => {
    assert.deepEqual(await simple('lora | gateway', { flags: 'AND', default_operator: 'and' }), ['gate'])
    assertRefused(
      { simple_query_string: { query: 'a', flags: 'FOO' } },
      'Unknown simple_query_string flag [FOO]',
    )
  })

  test('has no syntax errors', async () => {
    for (const query of ['(', '"', '-', '+', '|', '~', '*', 'lora (', '\\']) await simple(query)
    assert.deepEqual(await simple('lora ('), LORA)
    assert.deepEqual(await simple('*'), ALL)
    assert.deepEqual(await simple(''), [])
    assert.deepEqual(await simple('--'), [])
  })

  test('counts the words against minimum_should_match', async () => {
    assert.deepEqual(await simple('lora permanent key', { minimum_should_match: 2 }), [
      'perm',
      'half',
      'ship',
    ])
  })

  test('looks into all fields, leniently, when none is named', async () => {
    assert.deepEqual(await simple('melis', { fields: [] }), ['call', 'ete'])
    assert.deepEqual(await simple('zzzz~1 mel*', { fields: ['*'] }), ['call', 'ete'])
    assertRefused({ simple_query_string: { query: 'x', fields: ['expiresAt'] } }, 'For input string: "x"')
  })

  test('needs a text', () => {
    assertRefused({ simple_query_string: { fields: ['description'] } }, 'query text missing')
  })
})
