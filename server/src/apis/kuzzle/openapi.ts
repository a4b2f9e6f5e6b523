import type { Controller, Route } from './action.ts'
import { ACTION_DESCRIPTIONS, type ActionDescription, ARGUMENTS } from './action-descriptions.ts'

/** What the document says about the server that serves it. */
export type OpenApiFacts = { readonly version: string }

/**
 * Every action that can be called over HTTP, aliases included, as a Swagger 2.0 document (plain JSON).
 *
 * Paths are written as `/users/{_id}`; each operation is tagged with its controller.
 */
export function openApiDocument(
  controllers: Readonly<Record<string, Controller>>,
  facts: OpenApiFacts,
): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const { controller, action, routes } of operations(controllers)) {
    for (const [position, route] of routes.entries()) {
      const path = route.path.replaceAll(PATH_PARAMETER, '{$1}')
      paths[path] = {
        ...paths[path],
        [route.verb.toLowerCase()]: operation(controller, action, route, position),
      }
    }
  }
  return {
    swagger: '2.0',
    info: {
      title: 'Latchkey',
      description: 'Issues API keys, answers whether a key is good, and revokes it; through the Kuzzle API.',
      license: { name: 'Apache 2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      version: facts.version,
    },
    consumes: ['application/json'],
    produces: ['application/json'],
    securityDefinitions: {
      token: { type: 'apiKey', in: 'header', name: 'Authorization', description: '`Bearer <token>`' },
    },
    tags: Object.keys(controllers).map((name) => ({ name, description: `Controller "${name}"` })),
    paths,
    definitions: { Response: RESPONSE, Error: ERROR },
    // Swagger 2.0 has no such member, but Kuzzle's document has, and its users look here.
    components: { RequestPayload: REQUEST, ResponsePayload: RESPONSE },
  }
}

const PATH_PARAMETER = /:(\w+)/g

function operations(controllers: Readonly<Record<string, Controller>>) {
  return Object.entries(controllers).flatMap(([controller, actions]) =>
    Object.entries(actions).map(([action, { routes }]) => ({ controller, action, routes })),
  )
}

function operation(controller: string, action: string, route: Route, position: number) {
  const description: ActionDescription = ACTION_DESCRIPTIONS[`${controller}:${action}`] ?? { summary: action }
  return {
    tags: [controller],
    operationId: position === 0 ? `${controller}_${action}` : `${controller}_${action}_${position + 1}`,
    summary: description.summary,
    description: route.deprecated?.message ?? `Action \`${controller}:${action}\`.`,
    deprecated: route.deprecated !== undefined,
    security: [{ token: [] }, {}],
    parameters: parameters(route, description),
    responses: {
      200: { description: 'Done; `result` holds the answer.', schema: { $ref: '#/definitions/Response' } },
      default: { description: 'Refused; `error` says why.', schema: { $ref: '#/definitions/Response' } },
    },
  }
}

function parameters(route: Route, description: ActionDescription): readonly unknown[] {
  const inPath = [...route.path.matchAll(PATH_PARAMETER)].map((match) => match[1] ?? '')
  const inQuery = (description.query ?? []).filter((name) => !inPath.includes(name))
  const hasBody = description.body !== undefined && route.verb !== 'GET' && route.verb !== 'DELETE'
  return [
    ...inPath.map((name) => ({ ...parameter(name), in: 'path', required: true })),
    ...inQuery.map((name) => ({ ...parameter(name), in: 'query', required: false })),
    ...(hasBody
      ? [{ name: 'body', in: 'body', description: description.body, schema: { type: 'object' } }]
      : []),
  ]
}

function parameter(name: string) {
  return { name, type: 'string', ...ARGUMENTS[name] }
}

const ERROR = {
  type: 'object',
  properties: {
    id: { type: 'string', description: 'Stable name, such as `security.token.invalid`.' },
    code: { type: 'integer' },
    status: { type: 'integer' },
    message: { type: 'string' },
    props: { type: 'array', items: {}, description: 'Values in the message.' },
  },
}

const RESPONSE = {
  type: 'object',
  properties: {
    status: { type: 'integer' },
    error: { $ref: '#/definitions/Error' },
    controller: { type: 'string' },
    action: { type: 'string' },
    requestId: { type: 'string' },
    node: { type: 'string' },
    volatile: { type: 'object' },
    result: { description: "The action's answer; null when it was refused." },
  },
}

/** A request as it is sent to `/_query` and over WebSocket; further members are the action's arguments. */
const REQUEST = {
  type: 'object',
  required: ['controller', 'action'],
  properties: {
    controller: { type: 'string' },
    action: { type: 'string' },
    requestId: { type: 'string', description: 'Comes back with the answer.' },
    jwt: { type: 'string', description: 'The token of the caller.' },
    volatile: { type: 'object', description: 'Comes back with the answer.' },
    body: { type: 'object' },
  },
  additionalProperties: true,
}
