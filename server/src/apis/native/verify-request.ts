import { isIP } from 'node:net'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import { parseJson } from '../../core/json-text.ts'
import { parsePermissionQuery } from '../../core/keys/permission-query.ts'
import { LIMITS_MAX } from '../../core/keys/policy.ts'
import { COST_MAX, type KeyCheck, type PermissionQuery, type ShownDpop } from '../../core/keys/verdict.ts'
import { nearestName } from '../../core/nearest-name.ts'
import { type InputError, Problem } from './problem.ts'
import { withPointers } from './problem-document.ts'

/** One question about a key. */
export type VerifyRequest = {
  /** Whatever a client showed: any text, of any length. */
  readonly key: string
  readonly check: KeyCheck
  /** What the key was shown for, in the words of who asks; repeated in explanations, and of no other effect. */
  readonly resource?: string
  /** The steps are wanted as well; then nothing is counted. */
  readonly explains: boolean
}

/** Most keys of one batch. */
export const BATCH_KEYS_MAX = 1_000
const RESOURCE_LENGTH_MAX = 1_000

/**
 * The question in the body of a request for one key.
 *
 * @throws {Problem} `request.malformed_body`, `request.invalid`;
 *   `policy.invalid` for permissions that cannot be read.
 */
export function parseVerifyRequest(body: string): VerifyRequest {
  const key = bareKey(body)
  return key === undefined
    ? readQuestion(parseObject(body), '', MEMBERS)
    : { key, check: NOTHING_MORE, explains: false }
}

/** The questions in the body of a batch, in their order. @throws {Problem}, as `parseVerifyRequest`. */
export function parseVerifyBatch(body: string): readonly VerifyRequest[] {
  const { keys, ...others } = parseObject(body)
  refuseUnknown(others, '', ['keys'])
  if (!Array.isArray(keys)) throw invalidBody([{ pointer: '/keys', detail: 'must be a list' }])
  if (keys.length === 0 || keys.length > BATCH_KEYS_MAX) {
    throw invalidBody([{ pointer: '/keys', detail: `must have 1 to ${BATCH_KEYS_MAX} members` }])
  }
  return keys.map((given: JsonValue, index) => {
    const pointer = `/keys/${index}`
    if (typeof given === 'string')
      return { key: readKey(given, pointer), check: NOTHING_MORE, explains: false }
    if (!isJsonObject(given)) throw invalidBody([{ pointer, detail: 'must be a key or an object' }])
    return readQuestion(given, pointer, BATCH_MEMBERS)
  })
}

/**
 * The key of `{"key":"..."}` when nothing else is there and no character of it is escaped, which is what most clients
 * send; undefined: the text has to be parsed.
 */
export function bareKey(body: string): string | undefined {
  return BARE_KEY.exec(body)?.[1]
}

const BARE_KEY = /^[ \t\r\n]*\{[ \t\r\n]*"key"[ \t\r\n]*:[ \t\r\n]*"([\w.-]{1,8192})"[ \t\r\n]*\}[ \t\r\n]*$/

const NOTHING_MORE: KeyCheck = Object.freeze({})

function parseObject(body: string): JsonObject {
  const parsed = parseJson(decoded(body))
  // The parser's own words may quote a secret.
  if (!parsed.ok) throw new Problem('request.malformed_body', 'Cannot read the body: it is not valid JSON')
  if (isJsonObject(parsed.value)) return parsed.value
  throw invalidBody([{ pointer: '', detail: 'must be an object' }])
}

/** One character for each byte, as the text that its UTF-8 means. @throws {Problem} `request.malformed_body` */
function decoded(bytes: string): string {
  if (!BEYOND_ASCII.test(bytes)) return bytes
  try {
    return UTF8.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    throw new Problem('request.malformed_body', 'Cannot read the body: it is not valid UTF-8')
  }
}

const BEYOND_ASCII = /[\x80-\xff]/
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const MEMBERS: readonly string[] = [
  'key',
  'permissions',
  'cost',
  'ip',
  'certificate',
  'dpop',
  'resource',
  'limits',
  'explain',
]
/** Explaining is for people, who look at one key at a time. */
const BATCH_MEMBERS: readonly string[] = MEMBERS.filter((name) => name !== 'explain')

function readQuestion(given: JsonObject, pointer: string, members: readonly string[]): VerifyRequest {
  refuseUnknown(given, pointer, members)
  const { key, permissions, cost, ip, certificate, dpop, resource, limits, explain } = given
  if (explain !== undefined && typeof explain !== 'boolean') {
    throw invalidBody([{ pointer: `${pointer}/explain`, detail: 'must be true or false' }])
  }
  const check: KeyCheck = {
    ...(permissions !== undefined && { permissions: readPermissions(permissions, pointer) }),
    ...(cost !== undefined && { cost: readCost(cost, pointer) }),
    ...(ip !== undefined && addressOf(ip, pointer)),
    ...((certificate !== undefined || dpop !== undefined) && shownProof(certificate, dpop, pointer)),
    ...(limits !== undefined && { limits: readLimits(limits, pointer) }),
  }
  return {
    key: readKey(key, `${pointer}/key`),
    check,
    explains: explain === true,
    ...(resource !== undefined && { resource: readResource(resource, pointer) }),
  }
}

/**
 * A text that cannot be a key, as an empty or an endless one, is answered as malformed, not refused: clients of a service
 * choose it, and one of them must not spoil what the service asks about the others.
 */
function readKey(key: unknown, pointer: string): string {
  return textOf(key, pointer)
}

function textOf(given: unknown, pointer: string): string {
  if (typeof given === 'string') return given
  throw invalidBody([{ pointer, detail: 'must be a text' }])
}

function readPermissions(given: JsonValue, pointer: string): PermissionQuery {
  if (!isText(given) && !(Array.isArray(given) && given.every(isText))) {
    throw invalidBody([{ pointer: `${pointer}/permissions`, detail: 'must be a text or a list of texts' }])
  }
  try {
    return parsePermissionQuery(given)
  } catch (error) {
    throw withPointers(error, (within) => `${pointer}${within}`)
  }
}

function isText(value: JsonValue): value is string {
  return typeof value === 'string'
}

function readCost(given: JsonValue, pointer: string): number {
  if (typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= COST_MAX) return given
  throw invalidBody([{ pointer: `${pointer}/cost`, detail: `must be a whole number from 0 to ${COST_MAX}` }])
}

/**
 * A text that is no address says nothing of where the client is, which keys that are bound to addresses refuse. It may come
 * from the client as the key does, so it is as little a mistake of the service.
 */
function addressOf(given: JsonValue, pointer: string): Pick<KeyCheck, 'address'> {
  if (typeof given === 'string') return isIP(given) === 0 ? NOTHING_MORE : { address: given }
  throw invalidBody([{ pointer: `${pointer}/ip`, detail: 'must be a text' }])
}

function shownProof(
  certificate: JsonValue | undefined,
  dpop: JsonValue | undefined,
  pointer: string,
): Pick<KeyCheck, 'shown'> {
  return {
    shown: {
      ...(certificate !== undefined && { x5tS256: textOf(certificate, `${pointer}/certificate`) }),
      ...(dpop !== undefined && { dpop: readDpop(dpop, `${pointer}/dpop`) }),
    },
  }
}

const DPOP_MEMBERS = ['proof', 'method', 'url']

function readDpop(given: JsonValue, pointer: string): ShownDpop {
  if (!isJsonObject(given)) throw invalidBody([{ pointer, detail: 'must be an object' }])
  refuseUnknown(given, pointer, DPOP_MEMBERS)
  return {
    proof: textOf(given['proof'], `${pointer}/proof`),
    method: textOf(given['method'], `${pointer}/method`),
    url: textOf(given['url'], `${pointer}/url`),
  }
}

function readResource(given: JsonValue, pointer: string): string {
  if (typeof given === 'string' && given.length <= RESOURCE_LENGTH_MAX) return given
  const detail = `must be a text of at most ${RESOURCE_LENGTH_MAX} characters`
  throw invalidBody([{ pointer: `${pointer}/resource`, detail }])
}

function readLimits(given: JsonValue, pointer: string): readonly string[] {
  const isList = Array.isArray(given) && given.every((item): item is string => typeof item === 'string')
  // A key and its owner may have so many each.
  if (isList && given.length <= 2 * LIMITS_MAX) return given
  const detail = `must be a list of at most ${2 * LIMITS_MAX} names of limits`
  throw invalidBody([{ pointer: `${pointer}/limits`, detail }])
}

function refuseUnknown(given: JsonObject, pointer: string, known: readonly string[]): void {
  const unknown = Object.keys(given).filter((name) => !known.includes(name))
  if (unknown.length > 0) throw invalidBody(unknown.map((name) => unknownMember(name, pointer, known)))
}

const NAME_SHOWN_MAX = 64

function unknownMember(name: string, pointer: string, known: readonly string[]): InputError {
  const suggestion = nearestName(name, known)
  const shown = name.slice(0, NAME_SHOWN_MAX).replaceAll('~', '~0').replaceAll('/', '~1')
  return {
    pointer: `${pointer}/${shown}`,
    detail:
      suggestion === undefined ? 'is not known here' : `is not known here; did you mean "${suggestion}"?`,
    ...(suggestion !== undefined && { suggestion }),
  }
}

function invalidBody(errors: readonly InputError[]): Problem {
  const [first] = errors
  const where = first?.pointer === undefined || first.pointer === '' ? 'the body' : first.pointer
  return new Problem('request.invalid', `Cannot read the request: ${where}: ${first?.detail}`, { errors })
}
