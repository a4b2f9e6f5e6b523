import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ROUTES } from './endpoints.ts'
import { printOpenApi } from './openapi.ts'
import { PROBLEMS } from './problem.ts'

const document = printOpenApi(ROUTES)
const text = JSON.stringify(document)

describe('the OpenAPI document', () => {
  it('has every route once, under a name of its own', () => {
    const operations = Object.values(document['paths'] ?? {}).flatMap((methods) =>
      Object.values(methods ?? {}),
    )
    assert.equal(operations.length, ROUTES.length)
    assert.equal(new Set(ROUTES.map(({ name }) => name)).size, ROUTES.length)
  })

  it('refers to nothing that is not in it', () => {
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name ?? '',
    )
    assert.ok(references.length > 10)
    assert.equal(references.length, text.split('"$ref"').length - 1)
    for (const name of new Set(references)) assert.ok(text.includes(`"${name}":{`), name)
  })

  it('lists every code of a problem', () => {
    for (const code of Object.keys(PROBLEMS)) assert.ok(text.includes(`"${code}"`), code)
  })

  it('refuses unknown members of what is sent, and allows them in what is answered', () => {
    const { KeyRequest, Key } = (document['components'] as { schemas: Record<string, object> }).schemas
    assert.ok('additionalProperties' in (KeyRequest ?? {}))
    assert.ok(!('additionalProperties' in (Key ?? {})))
  })

  it('tells of each member of a verdict what it means, and what its absence does', () => {
    const { Verdict } = (document['components'] as { schemas: Record<string, object> }).schemas
    const { properties, required } = Verdict as {
      readonly properties: Record<string, { readonly description?: string }>
      readonly required: readonly string[]
    }
    // Limits are always there.
    const always = [...required, 'limits']
    for (const [name, { description = '' }] of Object.entries(properties)) {
      assert.notEqual(description, '', name)
      if (!always.includes(name)) assert.match(description, /Absent: /, name)
    }
  })
})
