import type { HttpReply, HttpRequest } from '../../transports/http/http-message.ts'

/** Whether the server should be given requests. */
export type Readiness = 'ready' | 'draining' | 'unhealthy' | 'overloaded'

/** What tells how the server is. */
export type Health = {
  /** It works; nothing else is looked at, since restarting it would mend nothing else. */
  alive(): HttpReply
  ready(request: Pick<HttpRequest, 'local'>): Promise<HttpReply>
  /** From now on it is draining. */
  drain(): void
}

/**
 * Asks the store whether it answers, unless the server is draining.
 *
 * `warnings`: what works only in its last good version, one sentence each. That keeps nobody from being answered; who asks
 * on this very host reads the sentences, and everybody else how many there are.
 */
export function createHealth(
  isStorageHealthy: () => Promise<boolean>,
  warnings: () => readonly string[] = () => [],
): Health {
  let isDraining = false
  const readiness = async (): Promise<Readiness> => {
    if (isDraining) return 'draining'
    return (await isStorageHealthy().catch(() => false)) ? 'ready' : 'unhealthy'
  }
  return {
    alive: () => healthReply(200, { status: 'alive' }),
    ready: async ({ local }) => {
      const sentences = warnings()
      const shown = local || sentences.length === 0 ? sentences : [`${sentences.length}, see the log`]
      return readinessReply(await readiness(), shown)
    },
    drain: () => {
      isDraining = true
    },
  }
}

/** 200 when ready, 503 with the reason otherwise. */
export function readinessReply(status: Readiness, warnings: readonly string[] = []): HttpReply {
  return healthReply(status === 'ready' ? 200 : 503, {
    status,
    ...(status === 'unhealthy' && { reason: 'the store does not answer' }),
    ...(warnings.length > 0 && { warnings }),
  })
}

function healthReply(status: number, body: Readonly<Record<string, string | readonly string[]>>): HttpReply {
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
