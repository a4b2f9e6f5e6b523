import { isAddressOf } from '../authorization/acls.ts'
import { KnoxRefusal, type KnoxRequest } from '../knox-request.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Params } from '../topology.ts'

/** Time, for those who count requests. */
export type Timing = {
  readonly now: () => number
  readonly wait: (ms: number) => Promise<void>
}

/** Clients that are remembered at once; when more come, those that have been quiet the longest are forgotten. */
export const CLIENTS_MAX = 100_000

/** What is remembered of a client: since when it may ask again at full rate, and how many of its requests are held. */
type Client = { freeAt: number; held: number }

/**
 * Limits the requests of each address to so many a second. More are held back for `delayMs`, up to `throttledRequests`
 * at a time, and refused with 429 beyond; all of them are refused when `delayMs` is -1.
 *
 * @throws {TopologyProblem} a parameter is no number.
 */
export function createRateLimit(
  params: Params,
  where: string,
  { now, wait }: Timing,
): (request: KnoxRequest) => Promise<undefined> | undefined {
  const perSecond = numberOf(params, 'maxRequestsPerSec', 25, where)
  if (perSecond < 1)
    throw new TopologyProblem(`${where}: parameter "${PREFIX}maxRequestsPerSec" must be at least 1`)
  const delayMs = numberOf(params, 'delayMs', 100, where)
  const heldMax = numberOf(params, 'throttledRequests', 5, where)
  const passes = (params.get(`${PREFIX}ipWhitelist`) ?? '').split(',').map((each) => each.trim())
  const clients = new Map<string, Client>()

  const clientOf = (address: string): Client => {
    const client = clients.get(address) ?? { freeAt: 0, held: 0 }
    // Behind all others: those that have been quiet the longest stay in front.
    clients.delete(address)
    clients.set(address, client)
    if (clients.size > CLIENTS_MAX) forgetOldest(clients)
    return client
  }

  return ({ address }) => {
    if (isAddressOf(address, passes)) return undefined
    const client = clientOf(address ?? 'unknown')
    const at = now()
    // A bucket of one second, kept as the instant at which it will be empty again.
    const filledTo = Math.max(client.freeAt, at) + 1000 / perSecond
    if (filledTo - at <= 1000) {
      client.freeAt = filledTo
      return undefined
    }
    if (delayMs < 0 || client.held >= heldMax) {
      throw new KnoxRefusal(429, undefined, { 'Retry-After': '1' })
    }
    client.held += 1
    return wait(delayMs).then(() => {
      client.held -= 1
      return undefined
    })
  }
}

const PREFIX = 'rate.limiting.'

function forgetOldest(clients: Map<string, Client>): void {
  for (const [address, { held }] of clients) {
    if (held > 0) continue
    clients.delete(address)
    return
  }
}

function numberOf(params: Params, name: string, initial: number, where: string): number {
  const text = params.get(PREFIX + name)
  if (text === undefined) return initial
  const value = Number(text.trim())
  if (text.trim() !== '' && Number.isSafeInteger(value)) return value
  throw new TopologyProblem(`${where}: parameter "${PREFIX}${name}" is "${text}", and must be a whole number`)
}
