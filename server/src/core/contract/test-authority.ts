import type { TestContext } from 'node:test'
import { openStorage } from '../../storage/open-storage.ts'
import { createArgon2Hasher } from '../../system/argon2-hasher.ts'
import { createNodeRandomness } from '../../system/node-randomness.ts'
import { ANONYMOUS_USER } from '../access/anonymous-user.ts'
import type { Caller } from '../access/caller.ts'
import type { AuditEvent, Origin } from '../audit/audit-event.ts'
import { createRefusalLog } from '../audit/refusal-log.ts'
import type { CoreSettings } from '../core-settings.ts'
import { createKeyAuthority } from '../create-key-authority.ts'
import { createHousekeeping, type Housekeeping } from '../housekeeping.ts'
import type { ProfileId, UserId } from '../ids.ts'
import type { KeyAuthority } from '../key-authority.ts'
import type { Fingerprint } from '../keys/fingerprint.ts'
import { createUsageCounter } from '../keys/usage-counter.ts'
import type { PasswordHasher } from '../ports/password-hasher.ts'
import type { Storage } from '../ports/storage.ts'
import type { Instant } from '../record.ts'

/** A key authority made of real parts on a store of its own; only its clock is set by hand. */
export type TestAuthority = KeyAuthority & {
  readonly storage: Storage
  readonly housekeeping: Housekeeping
  readonly passwords: PasswordHasher
  readonly clock: { now(): Instant; passMs(ms: number): void; setTo(at: Instant): void }
  /** Every event that was stored, as `onAudit` told. */
  readonly audited: AuditEvent[]
  /** Every token that was announced to have ended. */
  readonly ended: Fingerprint[]
  /** Somebody without a token, on this very host. */
  readonly nobody: Caller
  /** A user with that profile, as if it had just shown a token. */
  userWith(id: string, profileId?: string): Promise<Caller>
}

/** Where the requests of the tests come from. */
export const TEST_ORIGIN: Origin = { carrier: 'http', requestId: 'test', address: '192.0.2.7', local: false }

/** The settings of a default installation, without login limits, which only some tests want. */
const TEST_SETTINGS: CoreSettings = {
  apiKeyMaxTtlMs: -1,
  apiKeyMayIssueKeys: true,
  keyspaces: { default: { prefix: 'lk', environment: 'live' } },
  leakActions: { '*': 'revoke' },
  restoreWindowMs: 30 * 86_400_000,
  revokedKeptMs: 90 * 86_400_000,
  usageKeptMs: 400 * 86_400_000,
  sessionTtlMs: 3_600_000,
  sessionMaxTtlMs: -1,
  sessionGracePeriodMs: 1_000,
  tokenAlgorithm: 'HS256',
  restrictedProfileIds: ['default' as ProfileId],
  loginsPerSecond: 0,
  loginsPerSecondPerAddress: 0,
  loginBurst: 1,
  openStart: false,
  failsafeMode: false,
}

/** Opens an authority that ends with the test. `storage` shares the store of another one, as a second process would. */
export async function openTestAuthority(
  t: TestContext,
  settings: Partial<CoreSettings> = {},
  shared?: Storage,
): Promise<TestAuthority> {
  const storage = shared ?? (await openStorage('sqlite::memory:'))
  if (shared === undefined) t.after(() => storage.close())
  let now: Instant = 1_700_000_000_000
  const clock = {
    now: () => now,
    passMs: (ms: number) => {
      now += ms
    },
    setTo: (at: Instant) => {
      now = at
    },
  }
  const randomness = createNodeRandomness()
  const passwords = createArgon2Hasher(randomness)
  const audited: AuditEvent[] = []
  const onAudit = (event: AuditEvent): void => {
    audited.push(event)
  }
  const refusals = createRefusalLog({ audit: storage.audit, clock, onAudit })
  const uses = createUsageCounter(storage.keys)
  const merged = { ...TEST_SETTINGS, ...settings }
  const authority = createKeyAuthority({
    storage,
    clock,
    randomness,
    passwords,
    settings: merged,
    refusals,
    uses,
    onAudit,
  })
  await authority.administration.prepareStore()
  const ended: Fingerprint[] = []
  authority.tokens.onEnded((fingerprint) => ended.push(fingerprint))
  const nobody: Caller = { user: ANONYMOUS_USER, origin: { ...TEST_ORIGIN, local: true } }
  return {
    ...authority,
    storage,
    housekeeping: createHousekeeping({ storage, clock, refusals, uses, settings: merged }),
    passwords,
    clock,
    audited,
    ended,
    nobody,
    userWith: async (id, profileId = 'default') => {
      const user = await authority.users.create(nobody, {
        id: id as UserId,
        idKind: 'human',
        profileIds: [profileId as ProfileId],
        content: {},
        credentials: {},
      })
      return { user, origin: TEST_ORIGIN }
    },
  }
}
