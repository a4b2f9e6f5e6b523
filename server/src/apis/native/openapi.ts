import { z } from 'zod'
import type { EndpointFacts } from './endpoint.ts'
import { PROBLEMS, type ProblemCode } from './problem.ts'

type Json = Record<string, unknown>

/** Version of the routes and shapes under `/v1`; members and routes may be added to it, none changed or removed. */
const API_VERSION = '1.0.0'

/** This API as an OpenAPI 3.1 document, made of the very schemas that requests are read with. */
export function printOpenApi(routes: readonly EndpointFacts[]): Json {
  const components = new Components()
  const paths: Record<string, Json> = {}
  for (const route of routes) {
    const path = route.path.replace(':id', '{id}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, components) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Latchkey',
      version: API_VERSION,
      description:
        'Issues API keys, tells whether a key is good, whose it is and what it may do, and revokes it.\n\n' +
        'Instants are milliseconds since 1970 in answers, and ISO 8601 is understood as well; durations likewise. ' +
        'Errors are problem documents (RFC 9457) whose `code` is stable. Members may be added to answers.',
    },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ group }) => group))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { ...components.schemas, Problem: problemSchema() },
      responses: { Problem: problemResponse() },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A key or a session.' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'A key or a session.' },
      },
    },
  }
}

/** Problems that a route may answer besides its own. */
export function commonProblems({
  access,
  body,
  idempotent,
}: {
  readonly access: EndpointFacts['access']
  readonly body?: unknown
  readonly idempotent?: EndpointFacts['idempotent']
}): readonly ProblemCode[] {
  return [
    ...(body !== undefined ? BODY_PROBLEMS : []),
    ...(access === 'none' ? [] : TOKEN_PROBLEMS),
    ...(idempotent !== undefined ? IDEMPOTENCY_PROBLEMS : []),
    ...SERVER_PROBLEMS,
  ]
}

const BODY_PROBLEMS = [
  'request.malformed_body',
  'request.too_large',
  'request.unsupported_media_type',
  'request.unsupported_encoding',
] as const
const TOKEN_PROBLEMS = [
  'token.missing',
  'token.invalid',
  'token.forbidden',
  'token.rate_limited',
  'token.usage_exceeded',
  'request.too_many',
] as const
const IDEMPOTENCY_PROBLEMS = ['idempotency.in_progress', 'idempotency.mismatch'] as const
const SERVER_PROBLEMS = [
  'request.invalid',
  'request.not_acceptable',
  'request.origin_forbidden',
  'server.overloaded',
  'server.shutting_down',
  'storage.unavailable',
] as const

/** Schemas by name, collected while operations are printed. */
class Components {
  readonly schemas: Record<string, Json> = {}

  /** A schema as JSON, with references to named ones. */
  print(schema: z.ZodType, io: 'input' | 'output'): Json {
    const {
      $schema,
      $defs = {},
      ...printed
    }: Json = z.toJSONSchema(schema, {
      io,
      unrepresentable: 'any',
      override: ({ jsonSchema }) => simplify(jsonSchema, io),
    })
    for (const [name, definition] of Object.entries(renamed($defs))) this.schemas[name] = definition
    return renamed({ printed })['printed'] ?? {}
  }
}

/** Leaves out what says no more than the rest of it, or too much. */
function simplify(schema: Json, io: 'input' | 'output'): void {
  // Clients must not refuse members that are added to answers.
  if (io === 'output' && schema['additionalProperties'] === false) delete schema['additionalProperties']
  if (schema['format'] === 'date-time' || schema['format'] === 'date') delete schema['pattern']
  if (schema['minimum'] === Number.MIN_SAFE_INTEGER) delete schema['minimum']
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete schema['maximum']
}

/** References into `$defs` as references to components. */
function renamed(definitions: unknown): Record<string, Json> {
  return JSON.parse(
    JSON.stringify(definitions, (name, value: unknown) =>
      name === '$ref' && typeof value === 'string'
        ? value.replace('#/$defs/', '#/components/schemas/')
        : value,
    ),
  )
}

function operationOf(route: EndpointFacts, components: Components): Json {
  const { name, group, summary, access, body, problems } = route
  const parameters = parametersOf(route, components)
  const codes = [...new Set([...problems, ...commonProblems(route)])]
  return {
    operationId: name,
    tags: [group],
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: {
        required: body.optional !== true,
        content: {
          [body.kind === 'json' ? 'application/json' : 'application/x-www-form-urlencoded']: {
            schema: components.print(body.schema, 'input'),
          },
        },
      },
    }),
    responses: { ...answersOf(route, components), ...problemsByStatus(codes) },
    security: access === 'none' ? [] : [{ bearer: [] }, { apiKey: [] }],
  }
}

function answersOf({ answers }: EndpointFacts, components: Components): Json {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema }]) => [
      status,
      {
        description,
        ...(schema !== undefined && {
          content: { 'application/json': { schema: components.print(schema, 'output') } },
        }),
      },
    ]),
  )
}

function problemsByStatus(codes: readonly ProblemCode[]): Json {
  const byStatus = new Map<number, string[]>()
  for (const code of codes) {
    const { status } = PROBLEMS[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\``])
  }
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, names]) => [
        String(status),
        { description: names.join(', '), content: problemResponse().content },
      ]),
  )
}

function parametersOf(route: EndpointFacts, components: Components): readonly Json[] {
  const { idOf, query, idempotent } = route
  const members = query === undefined ? {} : components.print(query, 'input')['properties']
  return [
    ...(idOf === undefined
      ? []
      : [
          {
            name: 'id',
            in: 'path',
            required: true,
            description: `Id of the ${idOf}.`,
            schema: { type: 'string', minLength: 1 },
          },
        ]),
    ...Object.entries(members ?? {}).map(([name, schema]) => queryParameter(name, schema)),
    ...(idempotent === undefined ? [] : [idempotencyParameter(idempotent)]),
  ]
}

function queryParameter(name: string, schema: Json): Json {
  const isObject = schema['type'] === 'object'
  return { name, in: 'query', ...(isObject && { style: 'deepObject', explode: true }), schema }
}

function idempotencyParameter(repeated: NonNullable<EndpointFacts['idempotent']>): Json {
  const answer = repeated === 'key' ? 'the key with `"key": null`' : 'the same one'
  return {
    name: 'Idempotency-Key',
    in: 'header',
    description: `A name of your own for this request, for 24 hours. Made again under the same name, it is not done twice: the answer is ${answer} and the header \`Idempotency-Replayed: true\`.`,
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
  }
}

function problemResponse() {
  return {
    description: 'The request was refused.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  }
}

function problemSchema(): Json {
  const text = { type: 'string' }
  return {
    type: 'object',
    description:
      'A refusal (RFC 9457). Match on `code`; `detail` is for people. All but `/v1/authorize` give `detail` and `instance`.',
    required: ['type', 'title', 'status', 'code'],
    properties: {
      type: { type: 'string', format: 'uri' },
      title: text,
      status: { type: 'integer' },
      detail: text,
      code: { type: 'string', enum: Object.keys(PROBLEMS) },
      instance: { type: 'string', description: 'Names the request, for whoever looks into the log.' },
      error: { type: 'string', description: 'Of OAuth (RFC 6749 section 5.2), only of its routes.' },
      error_description: { type: 'string', description: 'As `detail`, for clients of OAuth.' },
      errors: {
        type: 'array',
        items: {
          type: 'object',
          required: ['detail'],
          properties: {
            pointer: { type: 'string', description: 'JSON pointer into the body.' },
            parameter: { type: 'string', description: 'Query parameter, header or form field.' },
            detail: text,
            suggestion: { type: 'string', description: 'The known name that was probably meant.' },
          },
        },
      },
    },
  }
}
