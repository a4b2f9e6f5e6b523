import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { askNative, createNativeAdmin, type NativeAnswer } from './native-client.ts'
import { type RunningServer, startServer } from './running-server.ts'
import {
  type ArbitrarySource,
  damagedValue,
  hostileText,
  hostileValue,
  type JsonSchema,
  validValue,
} from './schema-arbitrary.ts'

/** Requests of each kind that are sent to each route. */
const REQUESTS = { valid: 12, damaged: 12, hostile: 6 } as const

/** A slow machine sends fewer requests: so long to each route, of each kind. */
const ROUTE_TIME_MS = 150

/** Nothing may take so long to be answered. */
const ANSWER_TIMEOUT_MS = 20_000

/** Making any of these over would end what the test itself stands on. */
const SPARED = new Set(['admin', 'default', 'anonymous', '-1'])

/** These end the token that they are called with. */
const ENDS_ITS_TOKEN = new Set(['revokeMyself', 'logOut'])

/** Proxies ask it, and have request ids of their own. */
const PROXYS = 'authorize'

type Operation = {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: JsonSchema }[]
  readonly body: { readonly type: string; readonly schema: JsonSchema } | undefined
  /** What of each status may be answered, by content type; none: no body. */
  readonly answers: ReadonlyMap<number, ReadonlyMap<string, z.ZodType>>
}

type Sent = {
  readonly id: string
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
}

describe('every route of the OpenAPI document', () => {
  let server: RunningServer
  let session: string
  let operations: readonly Operation[]
  let source: ArbitrarySource

  before(async () => {
    server = await startServer()
    session = await createNativeAdmin(server)
    const { body } = await askNative(server, 'GET', '/v1/openapi.json')
    operations = operationsOf(body)
    const { body: issued } = await askNative(server, 'POST', '/v1/keys', { token: session, body: {} })
    source = { definitions: body.components.schemas, plausible: plausibleValues(issued.key) }
  })

  after(async () => {
    const me = await askNative(server, 'GET', '/v1/whoami', { token: session })
    const log = server.output()
    const exitCode = await server.stop()
    server.discard()
    assert.equal(me.status, 200, 'the session was good to the end, so that what came was not about it')
    assert.doesNotMatch(log, /unexpectedly|^\S+ (?:error|fatal) /m)
    assert.equal(exitCode, 0)
  })

  it('is described as it should be', () => {
    assert.ok(operations.length > 25)
    assert.equal(new Set(operations.map(({ name }) => name)).size, operations.length)
  })

  it('answers what its own schemas allow as it says', async () => {
    await fuzz(REQUESTS.valid, (schema) => validValue(schema, source))
  })

  it('answers what they nearly allow as it says', async () => {
    await fuzz(REQUESTS.damaged, (schema) => damagedValue(schema, source))
  })

  it('answers anything at all as it says', async () => {
    await fuzz(REQUESTS.hostile, () => hostileValue())
  })

  async function fuzz(
    numRuns: number,
    valuesOf: (schema: JsonSchema) => fc.Arbitrary<unknown>,
  ): Promise<void> {
    for (const operation of operations) {
      await prepare()
      const until = performance.now() + ROUTE_TIME_MS
      let sentSoFar = 0
      await fc.assert(
        fc.asyncProperty(requestTo(operation, valuesOf), async (sent) => {
          // However slow the machine is, each route is asked once.
          if (sentSoFar > 0 && performance.now() > until) return
          sentSoFar += 1
          check(operation, await send(operation, sent))
        }),
        { numRuns, endOnFailure: true },
      )
    }
  }

  /** What requests are about is there, whatever others did to it. */
  async function prepare(): Promise<void> {
    const token = session
    await askNative(server, 'PUT', '/v1/owners/ada', { token, body: { roles: ['default'] } })
    await askNative(server, 'DELETE', '/v1/keys/k1', { token })
    await askNative(server, 'POST', '/v1/keys', {
      token,
      body: { owner: 'ada', id: 'k1', credits: { initial: 5 }, metadata: { team: 'x' } },
    })
    await askNative(server, 'PUT', '/v1/roles/r1', { token, body: { permissions: ['a:b'] } })
  }

  async function send(operation: Operation, { id, query, body, headers }: Sent): Promise<NativeAnswer> {
    const { method, path, name } = operation
    const url = path.replace('{id}', encodeURIComponent(id)) + printQuery(query)
    const token = ENDS_ITS_TOKEN.has(name) || name === PROXYS ? await throwAwayKey() : session
    const content = operation.body === undefined ? {} : { body: printBody(operation.body.type, body) }
    const type = operation.body === undefined ? {} : { 'content-type': operation.body.type }
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
    return askNative(server, method, url, { token, ...content, headers: { ...type, ...headers }, signal })
  }

  async function throwAwayKey(): Promise<string> {
    const { body } = await askNative(server, 'POST', '/v1/keys', { token: session, body: {} })
    return body.key
  }

  function check({ name, answers }: Operation, { status, headers, text }: NativeAnswer): void {
    const documented = answers.get(status)
    assert.ok(documented, `${name} answered ${status}, which is not documented: ${text.slice(0, 500)}`)
    assert.ok(headers.has('x-request-id') || name === PROXYS, `${name}: without a request id`)
    if (name !== 'openapi' || status !== 200) assert.equal(headers.get('cache-control'), 'no-store')
    assert.ok(!text.includes(session), `${name} repeats the token of the caller`)
    if (documented.size === 0) {
      assert.equal(text, '')
      return
    }
    const schema = documented.get(headers.get('content-type') ?? '')
    assert.ok(schema, `${name} answered ${status} as ${headers.get('content-type')}`)
    const parsed = schema.safeParse(JSON.parse(text))
    assert.ok(
      parsed.success,
      `${name} answered ${status} with ${text.slice(0, 500)}: ${parsed.error?.message}`,
    )
  }
})

function requestTo(
  operation: Operation,
  valuesOf: (schema: JsonSchema) => fc.Arbitrary<unknown>,
): fc.Arbitrary<Sent> {
  const query = operation.parameters.filter((parameter) => parameter.in === 'query')
  return fc.record({
    id: fc
      .oneof({ weight: 2, arbitrary: fc.constantFrom(...idsOf(operation.path), 'never') }, hostileText())
      // A URL takes these for steps, and then names another route.
      .filter((id) => id !== '' && id !== '.' && id !== '..' && !SPARED.has(id)),
    query: fc.record(Object.fromEntries(query.map(({ name, schema }) => [name, valuesOf(schema)])), {
      requiredKeys: [],
    }),
    body: operation.body === undefined ? fc.constant(undefined) : valuesOf(operation.body.schema),
    headers: fc.record(
      {
        'idempotency-key': fc.oneof(fc.constantFrom('a', 'b', 'x'.repeat(300)), printable()),
        'x-request-id': printable(),
        accept: fc.constantFrom(...ACCEPTED, ...ACCEPTED, ...ACCEPTED, 'text/html', 'application/json;q=0'),
      },
      { requiredKeys: [] },
    ),
  })
}

/** Ids of what `prepare` makes, for those routes that are about it. */
function idsOf(path: string): readonly string[] {
  if (path.startsWith('/v1/owners')) return ['ada']
  return path.startsWith('/v1/roles') ? ['r1'] : ['k1']
}

const ACCEPTED = ['*/*', 'application/json', 'text/html, application/*;q=0.5']

/** What a header may hold; fetch refuses to send anything else. */
function printable(): fc.Arbitrary<string> {
  return fc.stringMatching(/^[!-~]{1,40}$/)
}

function printQuery(query: Readonly<Record<string, unknown>>): string {
  const fields = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'object' || value === null) fields.append(name, printField(value).slice(0, 500))
    else
      for (const [member, inner] of Object.entries(value).slice(0, 20)) {
        fields.append(`${name}[${member.slice(0, 50)}]`, printField(inner).slice(0, 50))
      }
  }
  const text = fields.toString()
  return text === '' ? '' : `?${text.slice(0, 8_000)}`
}

function printBody(type: string, body: unknown): string {
  if (type === 'application/json') return JSON.stringify(body) ?? ''
  const isObject = typeof body === 'object' && body !== null
  const fields = isObject ? Object.entries(body) : [['token', body]]
  return new URLSearchParams(
    fields.map(([name, value]): [string, string] => [String(name), printField(value)]),
  ).toString()
}

function printField(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function plausibleValues(key: string): ArbitrarySource['plausible'] {
  return {
    owner: ['ada', 'never'],
    id: ['k1', 'k2'],
    key: [key],
    token: [key, 'never'],
    roles: [['default'], ['r1'], ['never']],
    permissions: [['a:b'], ['*'], 'a:b AND (c:d OR e:f)'],
    scopes: [['a:*'], ['*'], ['invoices:read', 'invoices:write']],
    addresses: [['192.0.2.0/24', '2001:db8::1'], ['127.0.0.1']],
    ip: ['127.0.0.1', '2001:db8::1'],
    timeZone: ['Europe/Paris', 'UTC'],
    window: [{ days: ['mon'], from: '09:00', to: 1_020, timeZone: 'Europe/Paris' }],
    limits: [[{ name: 'r', limit: 5, window: 'PT1M' }], ['r'], []],
    credits: [{ initial: 5, refill: { interval: 'every', amount: 5, every: 'P1D' } }],
    metadata: [{ team: 'x' }],
    keyspace: ['default'],
    expiresAt: ['2100-01-01T00:00:00Z', null],
    ttl: ['P30D', 60_000],
    grace: ['PT5M', 0],
    cutOverAt: [Date.now() + 60_000],
    query: [{ match: { description: 'x' } }, { term: { userId: 'ada' } }, {}],
    sort: ['expiresAt', [{ description: 'desc' }]],
    filter: [{ owner: 'ada' }, { metadata: { team: 'x' } }],
    username: ['nobody'],
    login: [{ password: 'a password' }],
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a document of a foreign form is walked through member by member
function operationsOf(document: any): readonly Operation[] {
  const definitions = document.components.schemas
  return Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Operation => {
      const [content] = Object.entries<{ schema: JsonSchema }>(operation.requestBody?.content ?? {})
      return {
        name: operation.operationId,
        method: method.toUpperCase(),
        path,
        parameters: operation.parameters ?? [],
        body: content && { type: content[0], schema: content[1].schema },
        answers: new Map(
          Object.entries<object>(operation.responses).map(([status, answer]) => [
            Number(status),
            checkersOf(answer, definitions),
          ]),
        ),
      }
    }),
  )
}

/** By content type, what accepts just those values that the document says. */
function checkersOf(
  answer: { readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>> },
  definitions: Readonly<Record<string, JsonSchema>>,
): ReadonlyMap<string, z.ZodType> {
  return new Map(
    Object.entries(answer.content ?? {}).map(([type, { schema }]) => {
      const whole = JSON.stringify({ ...schema, $defs: definitions })
      return [type, z.fromJSONSchema(JSON.parse(whole.replaceAll('#/components/schemas/', '#/$defs/')))]
    }),
  )
}
