import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import { type Fingerprint, fingerprintOf } from './fingerprint.ts'
import { parseKeyToken, TOKEN_LENGTH_MAX } from './key-token.ts'
import { type AskedCheck, noteRefusedCheck } from './refused-tokens.ts'
import { type ShownToken, UNKNOWN, useKey } from './use-key.ts'
import { type AskingRequest, COST_MAX, type KeyCheck, type KeyQuestion, type KeyVerdict } from './verdict.ts'

/**
 * Answers whether a key is good for what a service asks, and counts that use.
 *
 * Whatever the text is, it is hashed and looked up once: how long the answer takes tells nobody whether a text looks
 * like a key, is one, or was one. What is not ours has a fingerprint that is not stored.
 *
 * @throws {DomainError} `policy.invalid` for a cost that is none.
 */
export function checkKey(
  context: Context,
  token: string,
  check: KeyCheck,
  request?: AskingRequest,
): KeyVerdict | Promise<KeyVerdict> {
  if (check.cost !== undefined) checkCost(check.cost)
  return checkHashed(context, { token, fingerprint: fingerprintOfAny(token), check, request })
}

/**
 * As `checkKey` of each question, in their order. All keys are hashed before the first one is looked up: look-ups that
 * follow each other closely wait for memory at the same time. One that cannot be answered is a promise that rejects.
 *
 * @throws {DomainError} `policy.invalid` for a cost that is none; then no key is used.
 */
export function checkKeys(
  context: Context,
  questions: readonly KeyQuestion[],
  request?: AskingRequest,
): readonly (KeyVerdict | Promise<KeyVerdict>)[] {
  for (const { check } of questions) if (check.cost !== undefined) checkCost(check.cost)
  return questions
    .map(({ key, check }) => ({ token: key, fingerprint: fingerprintOfAny(key), check, request }))
    .map((question) => {
      try {
        return checkHashed(context, question)
      } catch (error) {
        return Promise.reject(error)
      }
    })
}

type HashedQuestion = ShownToken & AskedCheck

function checkHashed(context: Context, question: HashedQuestion): KeyVerdict | Promise<KeyVerdict> {
  const { token, fingerprint, check } = question
  const family = parseKeyToken(token)
  if (family === undefined) return noted(context, question, decoy(context, fingerprint, MALFORMED))
  if (family === 'session') return noted(context, question, decoy(context, fingerprint, UNKNOWN))
  return noted(context, question, useKey(context, question, check))
}

/**
 * As `checkKey`, for somebody who proved in another way to hold the key of this fingerprint, such as by a signature.
 *
 * @throws {DomainError} `policy.invalid` for a cost that is none.
 */
export function checkHeldKey(
  context: Context,
  fingerprint: Fingerprint,
  check: KeyCheck,
): KeyVerdict | Promise<KeyVerdict> {
  if (check.cost !== undefined) checkCost(check.cost)
  const question: HashedQuestion = { token: '', fingerprint, check, request: undefined }
  return noted(context, question, useKey(context, question, check))
}

/** @throws {DomainError} `policy.invalid`: less than nothing would be a gift, and half a credit cannot be spent. */
export function checkCost(cost: number): void {
  if (Number.isInteger(cost) && cost >= 0 && cost <= COST_MAX) return
  throw new DomainError(
    'policy.invalid',
    `Cannot use a key at a cost of ${cost}: a whole number from 0 to ${COST_MAX} is needed`,
    { member: 'cost', problem: `a whole number from 0 to ${COST_MAX} is needed` },
  )
}

/** The fingerprint of a text of any length; of one that is longer than any token, of its beginning. */
export function fingerprintOfAny(text: string): Fingerprint {
  return fingerprintOf(text.length > TOKEN_LENGTH_MAX ? text.slice(0, TOKEN_LENGTH_MAX) : text)
}

/** The verdict on a text that no token of ours looks like. */
export const MALFORMED: KeyVerdict = { refusal: 'malformed', limits: [] }

/** Does the work of a look-up for an answer that does not depend on it. */
function decoy(
  { storage }: Context,
  fingerprint: Fingerprint,
  verdict: KeyVerdict,
): KeyVerdict | Promise<KeyVerdict> {
  const found = storage.keys.lookUp(fingerprint)
  return found instanceof Promise ? found.then(() => verdict) : verdict
}

function noted(
  context: Context,
  question: HashedQuestion,
  verdict: KeyVerdict | Promise<KeyVerdict>,
): KeyVerdict | Promise<KeyVerdict> {
  if (verdict instanceof Promise) {
    return verdict.then((later) => {
      note(context, question, later)
      return later
    })
  }
  note(context, question, verdict)
  return verdict
}

function note(context: Context, question: HashedQuestion, { refusal, found }: KeyVerdict): void {
  if (refusal === undefined) return
  const { fingerprint, check } = question
  if (found === undefined) {
    noteRefusedCheck(
      context,
      question,
      refusal === 'malformed' ? { reason: refusal } : { reason: refusal, fingerprint },
    )
    return
  }
  const { id, owner } = found.key
  if (found.revocation === undefined && check.isNoUse !== true) context.uses.refused(id, context.clock.now())
  noteRefusedCheck(context, question, { reason: refusal, fingerprint, owner, key: id })
}
