import { z } from 'zod'
import type { Caller } from '../../core/access/caller.ts'
import type { Origin } from '../../core/audit/audit-event.ts'
import type { KeyId } from '../../core/ids.ts'
import type { KeyAuthority } from '../../core/key-authority.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { HttpRequest } from '../../transports/http/http-message.ts'
import type { GithubKeys } from './github-keys.ts'
import { invalidInput } from './input-errors.ts'
import { Problem, type ProblemCode } from './problem.ts'
import { type BodyKind, type BodyLimits, readBody, readQuery } from './read-body.ts'
import { strict } from './strict-object.ts'

/** HTTP methods of routes; HEAD is answered as GET, and OPTIONS for every path. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What an endpoint may use. */
export type EndpointContext = {
  readonly authority: KeyAuthority
  readonly clock: Clock
  readonly caller: Caller
  readonly origin: Origin
  /** URL under which the client reached this server, without a slash at its end. */
  readonly baseUrl: string
  /** Absent: reports of GitHub are not taken. */
  readonly githubKeys?: GithubKeys
  /** See `NativeSettings`. */
  readonly isApiPublic: boolean
}

/** What an endpoint answers; the rest of the headers is added to all answers alike. */
export type EndpointAnswer = {
  readonly status: number
  /** Absent: no body. */
  readonly json?: unknown
  /** The key that was issued or changed, where `idempotent` wants to know. */
  readonly about?: KeyId
  readonly headers?: Readonly<Record<string, string>>
}

/** One answer of an endpoint that is not a problem, for its documentation and tests. */
export type AnswerShape = { readonly description: string; readonly schema?: z.ZodType }

/** What is told of an endpoint to people and programs. */
export type EndpointFacts = {
  /** Unique; `operationId` of OpenAPI. */
  readonly name: string
  readonly method: Method
  /** `:id` stands for one segment. */
  readonly path: string
  readonly group: 'Keys' | 'Verification' | 'Tokens' | 'Leaks' | 'Owners and roles' | 'Server'
  readonly summary: string
  /**
   * Whether a token must be shown, and whether showing it counts as one of the uses of a key. `none`: it is not looked
   * at, so that an old header cannot spoil a request that needs none.
   */
  readonly access: 'counted' | 'uncounted' | 'none'
  /** What `:id` names. */
  readonly idOf?: string
  readonly query?: z.ZodType
  readonly body?: { readonly schema: z.ZodType; readonly kind: BodyKind; readonly optional?: true }
  readonly answers: Readonly<Record<number, AnswerShape>>
  /** Problems of its own, beside those that every endpoint may answer. */
  readonly problems: readonly ProblemCode[]
  /**
   * The answer may be asked for again with an `Idempotency-Key`: the key as it is by then without its token, or the same
   * answer, which must hold no secret. Absent: such a name is not looked at.
   */
  readonly idempotent?: 'key' | 'answer'
  /** OAuth's: its problems also have the members that clients of OAuth look for. */
  readonly speaksOAuth?: true
  /** Others may keep the answer for a while, as it holds no secret. */
  readonly cacheable?: true
}

/** What was asked of an endpoint, as far as it is read. */
export type Asked = {
  readonly request: HttpRequest
  /** The path's `:id`, decoded; empty where there is none. */
  readonly id: string
}

/** A route of this API. */
export type Endpoint = EndpointFacts & {
  /**
   * Reads what the client sent, and answers it in two steps, so that a repeated request can be told from others.
   *
   * @throws {Problem} for what cannot be read.
   */
  read(asked: Asked, limits: BodyLimits): Promise<ReadRequest>
}

/** A request that was read. */
export type ReadRequest = {
  /** What the body says. */
  readonly body: unknown
  /** The body as it came, for those who must know its very bytes. */
  readonly bytes: Uint8Array
  /** @throws {DomainError} and {Problem}, {QueryError}. */
  answer(context: EndpointContext): Promise<EndpointAnswer>
}

/** Facts of an endpoint, with the schemas that decide what its `run` is given. */
type Definition<Query, Body> = Omit<EndpointFacts, 'query' | 'body'> & {
  readonly query?: z.ZodType<Query>
  readonly body?: { readonly schema: z.ZodType<Body>; readonly kind: BodyKind; readonly optional?: true }
  run(
    input: Asked & { readonly query: Query; readonly body: Body },
    context: EndpointContext,
  ): Promise<EndpointAnswer>
}

/** Makes an endpoint whose `run` gets what its schemas accepted. */
export function endpoint<Query = undefined, Body = undefined>(definition: Definition<Query, Body>): Endpoint {
  const { run, ...facts } = definition
  return {
    ...facts,
    async read({ request, id }, limits) {
      const query = accepted(definition.query, readQuery(request.query), 'query')
      const sent = definition.body && (await readBody(request, definition.body.kind, limits))
      const given = sent?.value
      const where = definition.body?.kind === 'form' ? 'form' : 'body'
      const body = accepted(definition.body?.schema, given ?? absentBody(definition), where)
      return {
        body: given,
        bytes: sent?.bytes ?? NO_BYTES,
        answer: (context) => run({ request, id, query, body }, context),
      }
    },
  }
}

const NO_BYTES = new Uint8Array()

/** What stands for a body that is not there. @throws {Problem} `request.invalid` when it has to be. */
function absentBody({ body }: Pick<EndpointFacts, 'body'>): unknown {
  if (body === undefined) return undefined
  if (body.optional === true) return {}
  if (body.kind === 'form') throw new Problem('request.invalid', NO_FORM, { errors: [NO_TOKEN] })
  const errors = [{ pointer: '', detail: 'is missing' }]
  throw new Problem('request.invalid', 'Cannot read the body: there is none; send a JSON object', { errors })
}

/** All forms here hold a token. */
const NO_FORM = 'Cannot read the form: there is none; send "token=..." as application/x-www-form-urlencoded'
const NO_TOKEN = { parameter: 'token', detail: 'is missing' }

/** What the schema makes of a value; without a schema there must be nothing. @throws {Problem} `request.invalid` */
function accepted<T>(schema: z.ZodType<T> | undefined, value: unknown, where: 'query' | 'body' | 'form'): T {
  const result = (schema ?? NOTHING[where]).safeParse(value)
  if (result.success) return result.data as T
  throw invalidInput(result.error, where)
}

const NOTHING = { query: strict({}), body: z.undefined(), form: z.undefined() }
