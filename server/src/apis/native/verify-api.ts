import { setImmediate as nextTurn } from 'node:timers/promises'
import type { KeyAuthority } from '../../core/key-authority.ts'
import type { KeyVerdict } from '../../core/keys/verdict.ts'
import type { BodyProblem } from '../../transports/http/http-message.ts'
import {
  asciiJson,
  type LaneReply,
  type LaneRequest,
  type LaneRoute,
  repeatRequestId,
} from '../../transports/lane/lane-message.ts'
import { createLaneHandler } from '../../transports/lane/lane-over-http.ts'
import type { Verification } from './native-api.ts'
import { Problem, type ProblemCode } from './problem.ts'
import { asProblem, problemReply } from './problem-document.ts'
import { type Scene, sceneOf } from './scene.ts'
import { printVerdict } from './verify-answer.ts'
import type { CheckCaller } from './verify-caller.ts'
import { parseVerifyBatch, parseVerifyRequest, type VerifyRequest } from './verify-request.ts'

/** What verifications need. */
export type VerifyParts = {
  readonly authority: KeyAuthority
  readonly checkCaller: CheckCaller
  readonly bodyBytesMax: number
  /** URL under which clients reach this server; absent: by the name that they call it. */
  readonly publicUrl?: string
}

/** `POST /v1/verify` and `POST /v1/verify/batch`, for the lane and for node:http. */
export type VerifyApi = {
  readonly routes: readonly LaneRoute[]
  readonly overHttp: Verification
  /** The answer to a request that there is no room for. */
  readonly overloaded: LaneReply
}

/** Keys of a batch that are judged before others get their turn: at a few microseconds each, some ms. */
const KEYS_PER_TURN = 250

/** Builds the verifications of Latchkey's own API. Holds nothing that must be released. */
export function createVerifyApi({ authority, checkCaller, bodyBytesMax, publicUrl }: VerifyParts): VerifyApi {
  const { verification } = authority

  const refuse = (request: Pick<LaneRequest, 'headers' | 'id'>, error: unknown): LaneReply => {
    const problem = asProblem(error)
    if (problem === undefined) throw error
    return laneProblem(problem, sceneOf(request, publicUrl))
  }

  /** Has the request answered when the caller may ask; every refusal on the way becomes a problem document. */
  const guarded = (answer: (request: LaneRequest) => LaneReply | Promise<LaneReply>): LaneRoute['answer'] => {
    const admitted = (request: LaneRequest, problem: Problem | undefined) => {
      if (problem !== undefined) throw problem
      return answer(request)
    }
    return (request) => {
      try {
        checkForm(request)
        const problem = checkCaller(request, 'verify')
        const reply =
          problem instanceof Promise
            ? problem.then((later) => admitted(request, later))
            : admitted(request, problem)
        return reply instanceof Promise ? reply.catch((error: unknown) => refuse(request, error)) : reply
      } catch (error) {
        return refuse(request, error)
      }
    }
  }

  /** The text of an answer; a promise only when something has to be waited for. */
  const ask = (request: LaneRequest, asked: VerifyRequest): string | Promise<string> => {
    const { key, check, explains } = asked
    return explains ? explain(request, asked) : printed(verification.check(key, check, request))
  }

  const explain = async (request: LaneRequest, asked: VerifyRequest): Promise<string> => {
    const problem = await checkCaller(request, 'explain')
    if (problem !== undefined) throw problem
    const { verdict, steps } = await verification.explain(asked.key, asked.check)
    return printVerdict(verdict, steps, asked.resource)
  }

  const verify = guarded((request) => {
    const text = ask(request, parseVerifyRequest(request.body))
    return text instanceof Promise ? text.then((later) => answered(request, later)) : answered(request, text)
  })

  const verifyBatch = guarded((request) => {
    const questions = parseVerifyBatch(request.body)
    const texts = askAll(request, questions.slice(0, KEYS_PER_TURN))
    if (questions.length <= KEYS_PER_TURN && texts.every(isText)) return answeredBatch(request, texts)
    return askRest(request, questions, texts)
  })

  const askAll = (request: LaneRequest, asked: readonly VerifyRequest[]): (string | Promise<string>)[] =>
    verification.checkAll(asked, request).map(printed)

  const askRest = async (
    request: LaneRequest,
    questions: readonly VerifyRequest[],
    asked: (string | Promise<string>)[],
  ): Promise<LaneReply> => {
    // One that fails makes the whole batch fail; the others must not become unhandled meanwhile.
    for (const text of asked) if (text instanceof Promise) text.catch(() => {})
    for (let next = asked.length; next < questions.length; next += KEYS_PER_TURN) {
      await nextTurn()
      for (const text of askAll(request, questions.slice(next, next + KEYS_PER_TURN))) {
        if (text instanceof Promise) text.catch(() => {})
        asked.push(text)
      }
    }
    return answeredBatch(request, await Promise.all(asked))
  }

  const one: LaneRoute = {
    methods: ['POST'],
    path: '/v1/verify',
    reach: 'path',
    bodyBytesMax,
    // Whether a website may ask is decided where all of this API is.
    passesOn: ['origin'],
    answer: verify,
  }
  const batch: LaneRoute = { ...one, path: '/v1/verify/batch', answer: verifyBatch }
  const refuseBody = (request: Pick<LaneRequest, 'headers' | 'id'>, problem: BodyProblem, detail: string) =>
    refuse(request, new Problem(BODY_PROBLEMS[problem], `Cannot read the body: ${detail}`))
  return {
    routes: [one, batch],
    overHttp: { verify: createLaneHandler(one, refuseBody), batch: createLaneHandler(batch, refuseBody) },
    overloaded: laneProblem(
      new Problem('server.overloaded', 'Cannot answer: too many requests are being answered'),
      sceneOf({ id: 'overloaded', headers: {} }, publicUrl),
    ),
  }
}

const JSON_FIELDS =
  'Content-Type: application/json\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n'

function printed(verdict: KeyVerdict | Promise<KeyVerdict>): string | Promise<string> {
  return verdict instanceof Promise ? verdict.then((later) => printVerdict(later)) : printVerdict(verdict)
}

function answered(request: LaneRequest, body: string): LaneReply {
  return repeatRequestId({ status: 200, fields: JSON_FIELDS, body }, request)
}

function answeredBatch(request: LaneRequest, texts: readonly string[]): LaneReply {
  return answered(request, `{"results":[${texts.join(',')}]}`)
}

function isText(text: string | Promise<string>): text is string {
  return typeof text === 'string'
}

const BODY_PROBLEMS: Readonly<Record<BodyProblem, ProblemCode>> = {
  too_large: 'request.too_large',
  too_many_encodings: 'request.unsupported_encoding',
  unsupported_encoding: 'request.unsupported_encoding',
  corrupt: 'request.malformed_body',
  aborted: 'request.malformed_body',
}

/** @throws {Problem} `request.method_not_allowed`, `request.unsupported_media_type` */
function checkForm({ method, headers }: LaneRequest): void {
  if (method !== 'POST') {
    const headersOfRefusal = { Allow: 'POST, OPTIONS' }
    throw new Problem('request.method_not_allowed', `Cannot ${method} this path: it has POST`, {
      headers: headersOfRefusal,
    })
  }
  const type = headers['content-type']
  if (type === undefined || (typeof type === 'string' && JSON_TYPE.test(type))) return
  throw new Problem('request.unsupported_media_type', 'Cannot read the body: application/json is wanted')
}

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json[ \t]*(?:;|$)/i

function laneProblem(problem: Problem, scene: Scene): LaneReply {
  const { requestId } = scene
  const reply = problemReply(problem, scene)
  const headers = Object.entries({ ...reply.headers, 'Cache-Control': 'no-store', 'X-Request-Id': requestId })
  const document: unknown = JSON.parse(String(reply.body))
  return {
    status: reply.status,
    fields: headers.map(([name, value]) => `${name}: ${value}\r\n`).join(''),
    body: asciiJson(document),
  }
}
