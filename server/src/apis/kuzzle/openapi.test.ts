import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ACTION_DESCRIPTIONS, ARGUMENTS } from './action-descriptions.ts'
import { CONTROLLERS } from './actions.ts'
import { openApiDocument } from './openapi.ts'

type Operation = {
  readonly tags: readonly string[]
  readonly operationId: string
  readonly summary: string
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
}

// The document is plain JSON: what clients read is what is tested.
const document = JSON.parse(JSON.stringify(openApiDocument(CONTROLLERS, { version: '1.2.3' })))
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, verbs]) =>
  Object.entries(verbs).map(([verb, operation]) => ({ path, verb, operation })),
)

describe('the OpenAPI document', () => {
  it('is Swagger 2.0 and names the version of the server', () => {
    assert.equal(document.swagger, '2.0')
    assert.equal(document.info.version, '1.2.3')
  })

  it('describes requests and answers where users of Kuzzle look for them', () => {
    assert.deepEqual(Object.keys(document.components), ['RequestPayload', 'ResponsePayload'])
    assert.deepEqual(document.components.RequestPayload.required, ['controller', 'action'])
  })

  it('tags operations with their controllers', () => {
    assert.equal(document.paths['/users/{_id}/_replace'].put.tags[0], 'security')
    assert.deepEqual(
      document.tags.map((tag: { name: string }) => tag.name),
      Object.keys(CONTROLLERS),
    )
  })

  it('has every route of every action, with an operation id of its own', () => {
    const routes = Object.values(CONTROLLERS).flatMap((actions) =>
      Object.values(actions).flatMap((action) => action.routes),
    )
    assert.equal(operations.length, new Set(routes.map(({ verb, path }) => `${verb} ${path}`)).size)
    assert.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length)
  })

  it('declares exactly the parameters of each path as required', () => {
    for (const { path, operation } of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
      const required = operation.parameters.filter((parameter) => parameter.in === 'path')
      assert.deepEqual(
        required.map((parameter) => parameter.name),
        inPath,
        path,
      )
      assert.ok(required.every((parameter) => parameter.required === true))
      const names = operation.parameters.map((parameter) => parameter.name)
      assert.equal(new Set(names).size, names.length, path)
    }
  })

  it('describes every action and every argument, and nothing that does not exist', () => {
    const actions = Object.entries(CONTROLLERS).flatMap(([controller, all]) =>
      Object.keys(all).map((action) => `${controller}:${action}`),
    )
    assert.deepEqual(Object.keys(ACTION_DESCRIPTIONS).toSorted(), actions.toSorted())
    const named = operations.flatMap(({ operation }) =>
      operation.parameters.map((parameter) => parameter.name),
    )
    assert.deepEqual(
      [...new Set(named.filter((name) => name !== 'body'))].toSorted(),
      Object.keys(ARGUMENTS).toSorted(),
    )
  })
})
