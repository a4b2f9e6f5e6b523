import { createHash } from 'node:crypto'
import { DomainError } from '../../core/errors.ts'
import type { KeyId } from '../../core/ids.ts'
import type { IdempotencyStore } from '../../core/ports/idempotency-store.ts'
import type { HttpRequest } from '../../transports/http/http-message.ts'
import type { EndpointAnswer, EndpointContext, EndpointFacts, ReadRequest } from './endpoint.ts'
import { keyAnswer } from './key-answer.ts'
import { invalid, Problem } from './problem.ts'
import { asProblem } from './problem-document.ts'

/** A request may be repeated for so long, in ms. */
const KEPT_MS = 86_400_000

const NAME = /^[\x21-\x7e]{1,255}$/

/** What a client calls its request, so that a repetition can be told. @throws {Problem} `request.invalid` */
export function idempotencyKeyOf({ headers }: HttpRequest): string | undefined {
  const given = headers['idempotency-key']
  if (given === undefined) return undefined
  if (typeof given === 'string' && NAME.test(given)) return given
  throw invalid('idempotency-key', 'must be 1 to 255 visible ASCII characters')
}

/** A request that issues or changes a key, and where it is noted. */
export type NamedRequest = {
  /** What its client calls it. */
  readonly name: string
  readonly repeats: NonNullable<EndpointFacts['idempotent']>
  readonly store: IdempotencyStore
  readonly request: HttpRequest
  readonly read: ReadRequest
  readonly context: EndpointContext
}

/**
 * Answers a request once, however often it is made. A repetition of one that issues a key gets the key but not its token,
 * which is shown once: who lost the first answer rotates the key. Others get what was answered first.
 *
 * @throws {Problem} `idempotency.in_progress`, `idempotency.mismatch`, and whatever the request does.
 */
export async function answerOnce(asked: NamedRequest): Promise<EndpointAnswer> {
  const { name, repeats, store, request, read, context } = asked
  const caller = context.caller.user.id
  const at = context.clock.now()
  const requestDigest = digestOf(request, read.body)
  const reservation = await store.reserve({ caller, key: name, requestDigest, at, keptUntil: at + KEPT_MS })
  if (reservation.kind === 'running') {
    throw new Problem('idempotency.in_progress', `Cannot do "${name}" again: it is still being done`)
  }
  if (reservation.kind === 'mismatch') {
    throw new Problem('idempotency.mismatch', `Cannot do "${name}": it was the name of another request`)
  }
  if (reservation.kind === 'done') return replay(reservation.resource, asked)
  const answer = await read.answer(context).catch(async (error: unknown) => {
    if (changedNothing(error)) await store.release(caller, name)
    throw error
  })
  if (answer.about !== undefined) {
    const done: Done = { id: answer.about, json: answer.json }
    await store.finish(caller, name, repeats === 'key' ? done.id : JSON.stringify(done))
  }
  return answer
}

/** What is noted of a request whose repetition gets the same answer. */
type Done = { readonly id: KeyId; readonly json: unknown }

/** The store gave this back as it was noted. Who may not see the key any more is told nothing of it. */
async function replay(
  noted: string,
  { repeats, context: { authority, caller } }: NamedRequest,
): Promise<EndpointAnswer> {
  const headers = { 'Idempotency-Replayed': 'true' }
  if (repeats === 'key') {
    const view = await authority.lifeCycle.get(caller, noted as KeyId)
    return { status: 200, json: { key: null, ...keyAnswer(view) }, headers }
  }
  const { id, json } = JSON.parse(noted) as Done
  await authority.lifeCycle.get(caller, id)
  return { status: 200, json, headers }
}

/** After an outage nobody knows what was done; then the name stays taken for a while. */
function changedNothing(error: unknown): boolean {
  const isOutage = error instanceof DomainError && error.code === 'storage.unavailable'
  return !isOutage && asProblem(error) !== undefined
}

function digestOf({ method, path }: HttpRequest, body: unknown): string {
  const text = JSON.stringify([method, path, body ?? null])
  return createHash('sha256').update(text).digest('hex')
}
