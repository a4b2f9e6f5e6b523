import type { HttpReply, HttpRequest } from '../../transports/http/http-message.ts'
import type { NodeState } from './cluster-state.ts'

/** Whether the server should be given requests. */
export type Readiness = 'ready' | 'stale' | 'draining' | 'unhealthy' | 'overloaded'

/** What tells how the server is. */
export type Health = {
  /** It works; nothing else is looked at, since restarting it would mend nothing else. */
  alive(): HttpReply
  ready(request: Pick<HttpRequest, 'local'>): Promise<HttpReply>
  /** From now on it is draining. */
  drain(): void
}

/** What health is told from. */
export type HealthParts = {
  readonly isStorageHealthy: () => Promise<boolean>
  /**
   * What works only in its last good version, one sentence each. That keeps nobody from being answered; who asks on this very
   * host reads the sentences, and everybody else how many there are.
   */
  readonly warnings?: () => readonly string[]
  /** How this node among others is doing, for who asks on this very host; absent when there can be no others. */
  readonly node?: () => NodeState
  /** Whether verifications are answered from memory although the store does not answer, as somebody decided. */
  readonly servesStale?: () => boolean
}

/** Asks the store whether it answers, unless the server is draining. */
export function createHealth(parts: HealthParts): Health {
  const { isStorageHealthy, warnings = () => [], node, servesStale = () => false } = parts
  let isDraining = false
  const readiness = async (): Promise<Readiness> => {
    if (isDraining) return 'draining'
    if (await isStorageHealthy().catch(() => false)) return 'ready'
    return servesStale() ? 'stale' : 'unhealthy'
  }
  return {
    alive: () => healthReply(200, { status: 'alive' }),
    ready: async ({ local }) => {
      const sentences = warnings()
      const shown = local || sentences.length === 0 ? sentences : [`${sentences.length}, see the log`]
      return readinessReply(await readiness(), shown, local ? node?.() : undefined)
    },
    drain: () => {
      isDraining = true
    },
  }
}

/** 200 when there are answers to be had, 503 with the reason otherwise. */
export function readinessReply(
  status: Readiness,
  warnings: readonly string[] = [],
  node: NodeState | undefined = undefined,
): HttpReply {
  return healthReply(status === 'ready' || status === 'stale' ? 200 : 503, {
    status,
    ...((status === 'unhealthy' || status === 'stale') && { reason: 'the store does not answer' }),
    ...(warnings.length > 0 && { warnings }),
    ...(node !== undefined && { node }),
  })
}

function healthReply(status: number, body: Readonly<Record<string, unknown>>): HttpReply {
  return {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      ...(status === 503 && { 'Retry-After': '1' }),
    },
    body: `${JSON.stringify(body)}\n`,
  }
}
