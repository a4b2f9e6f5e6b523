import { createHmac, randomBytes } from 'node:crypto'
import { networkOf } from '../../../core/access/network-of.ts'
import { KnoxRefusal } from '../knox-request.ts'
import type { CheckPassword } from './shiro.ts'

/** What attempts are counted with. */
export type PasswordGateParts = {
  /** Counts an attempt; the ms that it comes too soon, or 0. */
  readonly admit: (attempt: { readonly username: string; readonly address: string | undefined }) => number
  readonly now: () => number
}

/** Passwords that were right are not counted again for so long, in ms. */
export const KNOWN_MS = 3_600_000

/** Of so many users at once; those who came first are forgotten first. */
export const KNOWN_MAX = 10_000

/**
 * Keeps clients from trying out many passwords, and leaves those alone that show the right one with every request, as
 * clients without sessions do: their attempts are not counted, while each is checked all the same. What comes at the same
 * time as the first waits for how that goes.
 */
export function createPasswordGate({
  admit,
  now,
}: PasswordGateParts): (check: CheckPassword) => CheckPassword {
  const secret = randomBytes(32)

  return (check) => {
    const known = new Map<string, number>()
    const isKnown = (digest: string): boolean => (known.get(digest) ?? 0) > now()
    const running = new Map<string, Promise<unknown>>()
    const counted: CheckPassword = async (request, username, password) => {
      const address = request.address === undefined ? undefined : networkOf(request.address)
      const tooSoonMs = admit({ username, address })
      if (tooSoonMs > 0) {
        throw new KnoxRefusal(429, undefined, { 'Retry-After': String(Math.ceil(tooSoonMs / 1000)) })
      }
      return check(request, username, password)
    }
    return async (request, username, password) => {
      const digest = createHmac('sha256', secret)
        .update(JSON.stringify([username, password]))
        .digest('base64')
      const first = isKnown(digest) ? undefined : running.get(digest)
      // Not without one: awaiting nothing would let others by before it is known that this is the first.
      if (first !== undefined) await first
      const checking = (isKnown(digest) ? check : counted)(request, username, password)
      const settled = checking.then(
        (caller) => caller !== undefined && remember(known, digest, now() + KNOWN_MS),
        () => undefined,
      )
      if (!running.has(digest)) {
        running.set(digest, settled)
        void settled.then(() => running.delete(digest))
      }
      return checking
    }
  }
}

function remember(known: Map<string, number>, digest: string, until: number): void {
  known.delete(digest)
  known.set(digest, until)
  if (known.size <= KNOWN_MAX) return
  for (const oldest of known.keys()) {
    known.delete(oldest)
    return
  }
}
