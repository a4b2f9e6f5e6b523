import { isDeepStrictEqual } from 'node:util'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import { replaceSecret } from '../../core/keys/replace-secret.ts'
import type { KeyStore, NewSecret } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import { keyIdTaken } from '../refusals.ts'
import type { CreditsWriter } from './credits-store.ts'
import type { KeyParts } from './key-parts.ts'
import type { StoredKey } from './key-writer.ts'
import { type PreviousSecrets, preparePreviousSecrets } from './previous-secrets.ts'
import type { StoredRevokedKey } from './revoked-keys.ts'

type LifeCyclePart = Pick<KeyStore, 'update' | 'rotate' | 'revoke' | 'restore' | 'findRevoked'>

/** What happens to keys between their creation and their end, in SQLite. */
export function createKeyLifeCycleStore(parts: KeyParts, credits: CreditsWriter): LifeCyclePart {
  const { database, writeAudit, news, writer, revoked } = parts
  const rotate = prepareRotation(parts, preparePreviousSecrets(database))
  const restore = prepareRestoration(parts)

  return {
    update(id, change, event) {
      return database.change(() => {
        const stored = writer.find(id)
        if (stored === undefined) return undefined
        const next = keepingIdentity(change(stored.key), stored.key)
        writer.replace(stored, next)
        if (!isDeepStrictEqual(stored.key.policy?.credits, next.policy?.credits)) {
          credits.replan(stored, next.policy?.credits, event.at)
        }
        news.keysChanged(fingerprintsOf(next))
        writeAudit(event)
        return next
      })
    },
    rotate(id, to, event) {
      return database.change(() => {
        const stored = writer.find(id)
        if (stored === undefined || stored.key.fingerprint !== to.replaces) return undefined
        const next = rotate(stored, to, event.at)
        news.keysChanged([...fingerprintsOf(stored.key), next.fingerprint])
        writeAudit(event)
        return next
      })
    },
    revoke(id, { owner, revocation }, event) {
      return database.change(() => {
        const stored = writer.find(id)
        if (stored === undefined) return undefined
        if (owner !== undefined && owner !== stored.key.owner) return undefined
        revoked.add(stored.seq, revocation)
        writer.removed(stored)
        news.keysChanged(fingerprintsOf(stored.key))
        writeAudit(event)
        return stored.key
      })
    },
    restore(id, { revokedSince, perOwnerMax }, event) {
      return database.change(() => {
        const last = revoked.findLast(id)
        if (last === undefined || last.revocation.at < revokedSince) return undefined
        writer.requireRoomFor(last.key, perOwnerMax)
        restore(last)
        news.keysChanged(fingerprintsOf(last.key))
        writeAudit(event)
        return last.key
      })
    },
    async findRevoked(id) {
      const found = database.read(() => revoked.findLast(id))
      return found && { key: found.key, revocation: found.revocation }
    },
  }
}

/** What a change may not touch stays as it was. */
function keepingIdentity(next: ApiKey, old: ApiKey): ApiKey {
  const { previous: _previous, goodFrom: _goodFrom, lastUsedAt: _lastUsedAt, ...rest } = next
  const { id, owner, fingerprint, previous, goodFrom, lastUsedAt } = old
  return {
    ...rest,
    id,
    owner,
    fingerprint,
    ...(goodFrom !== undefined && { goodFrom }),
    ...(previous !== undefined && { previous }),
    ...(lastUsedAt !== undefined && { lastUsedAt }),
  }
}

/** Everything that leads to a key. */
function fingerprintsOf(key: ApiKey): readonly Fingerprint[] {
  return [key.fingerprint, ...(key.previous ?? []).map((secret) => secret.fingerprint)]
}

function prepareRotation({ writer }: KeyParts, secrets: PreviousSecrets) {
  return (stored: StoredKey, to: NewSecret, now: Instant): ApiKey => {
    const next = replaceSecret(stored.key, to, now)
    secrets.keepOnly(stored.seq, next.previous ?? [], stored.key.goodFrom)
    writer.replace(stored, next)
    return next
  }
}

function prepareRestoration({ database, writer }: KeyParts): (last: StoredRevokedKey) => void {
  const forget = database.statement('DELETE FROM revoked_keys WHERE seq = ?')
  return ({ key, seq, keySeq }) => {
    // Its secret was issued once more, under another id: only one key can have it.
    if (writer.isTaken(key.fingerprint)) throw keyIdTaken(key.id)
    writer.renumber(keySeq, writer.insert(key))
    forget.run(seq)
  }
}
