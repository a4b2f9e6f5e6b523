import type { Context } from '../context.ts'
import type { StoreChange } from '../ports/store-changes.ts'
import type { Fingerprint } from './fingerprint.ts'

/** Tokens that are looked up at the same time, so that requests get their turn. */
const AT_ONCE = 8

/** Finds out what became of tokens that other processes may have changed, and tells who watches them. */
export interface TokenRechecks {
  /**
   * Looks these tokens up, and those whose look-up failed before: those that ended, or end at another time now, are
   * announced. Resolves when none is left that could be looked up; never rejects.
   */
  recheck(fingerprints: Iterable<Fingerprint>): Promise<void>
}

type Needs = Pick<Context, 'storage' | 'clock' | 'ended'>

/**
 * Hears of what other processes change. Their news say only that something is no longer what it was, so what it is now is
 * read from the store; only tokens that somebody watches are.
 */
export function createTokenRechecks(needs: Needs): TokenRechecks {
  const { ended } = needs
  /** Bounded by what is watched. */
  const waiting = new Set<Fingerprint>()
  const failed = new Set<Fingerprint>()
  let running: Promise<void> | undefined

  async function work(): Promise<void> {
    for (const fingerprint of waiting) {
      waiting.delete(fingerprint)
      if (!ended.isWatched(fingerprint)) continue
      try {
        await recheckOne(needs, fingerprint)
      } catch {
        // The store does not answer, which others say loudly enough; the token waits for the next call.
        failed.add(fingerprint)
      }
    }
  }
  function recheck(fingerprints: Iterable<Fingerprint>): Promise<void> {
    for (const fingerprint of fingerprints) if (ended.isWatched(fingerprint)) waiting.add(fingerprint)
    for (const fingerprint of failed) waiting.add(fingerprint)
    failed.clear()
    if (waiting.size === 0) return running ?? Promise.resolve()
    running ??= Promise.all(Array.from({ length: AT_ONCE }, work)).then(async () => {
      running = undefined
      // Some may have come after the last of them looked.
      if (waiting.size > 0) await recheck([])
    })
    return running
  }

  needs.storage.changes?.listen((change, origin) => {
    // What this process does is announced by the use case that does it.
    if (origin === 'another node') void recheck(concernedBy(change, ended))
  })
  return { recheck }
}

function concernedBy(change: StoreChange, ended: Needs['ended']): Iterable<Fingerprint> {
  switch (change.kind) {
    case 'keys':
    case 'sessions':
      return change.fingerprints
    case 'owner':
    case 'everything':
      return ended.watched()
    case 'access':
    case 'lease':
      return []
  }
}

async function recheckOne({ storage, clock, ended }: Needs, fingerprint: Fingerprint): Promise<void> {
  const found = await storage.keys.lookUp(fingerprint)
  if (found === undefined) {
    const session = await storage.sessions.findByFingerprint(fingerprint)
    if (session === undefined) ended.announce([fingerprint])
    else ended.announceLife(fingerprint, session.expiresAt)
    return
  }
  const { key, goodUntil, revocation } = found
  const expiresAt = Math.min(goodUntil ?? Infinity, key.expiresAt ?? Infinity)
  if (revocation !== undefined || key.disabled !== undefined || expiresAt <= clock.now()) {
    ended.announce([fingerprint])
  } else ended.announceLife(fingerprint, expiresAt === Infinity ? undefined : expiresAt)
}
