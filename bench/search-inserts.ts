import type { AuditEvent } from '../server/src/core/audit/audit-event.ts'
import type { ProfileId, RoleId, UserId } from '../server/src/core/ids.ts'
import type { KeyStore } from '../server/src/core/ports/key-store.ts'
import type { Storage } from '../server/src/core/ports/storage.ts'
import { createKeyStore } from '../server/src/storage/sqlite/key-store.ts'
import { openDatabase } from '../server/src/storage/sqlite/open-database.ts'
import { describedKey } from './described-keys.ts'

/** Inserts that are under way at once: what a busy server would have waiting. */
const AT_ONCE = 1_000

const BOUNDS = { waitingMax: 10_000, lockWaitMaxMs: 10_000 }

const EVENT: AuditEvent = {
  at: 0,
  action: 'key.create',
  outcome: 'done',
  actor: 'bench' as UserId,
  subject: 'bench',
  origin: { carrier: 'bench', requestId: 'bench', local: true },
}

type KeyOf = (n: number) => Parameters<KeyStore['insert']>[0]

/** Some creates: how many a second, and the processor time of each, in µs. */
export type CreateRate = { readonly perSecond: number; readonly cpuMicros: number }

/** Inserts keys `from` to below `to`. */
async function insert(keys: KeyStore, from: number, to: number, keyOf: KeyOf): Promise<CreateRate> {
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  for (let done = from; done < to; done += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, to - done) }, (_, n) => keyOf(done + n))
    await Promise.all(batch.map((key) => keys.insert(key, undefined, EVENT)))
    if (done % 100_000 === 0 && done > 0) process.stderr.write(`  ${done} of ${to} keys\n`)
  }
  const took = performance.now() - startedAt
  const cpu = process.cpuUsage(cpuBefore)
  return { perSecond: ((to - from) * 1000) / took, cpuMicros: (cpu.user + cpu.system) / (to - from) }
}

/** Fills a file with the keys of some owners, and those of many owners who share some more, in turns. */
export async function fillOwners(
  file: string,
  subjects: readonly { readonly owner: UserId; readonly keys: number; readonly label: string }[],
  many: { readonly owners: number; readonly keys: number },
): Promise<readonly { readonly label: string; readonly perSecond: number }[]> {
  const database = await openDatabase(file, BOUNDS)
  // Owners need not exist, and audit events are left out, as in any store that was filled long ago.
  const keys = createKeyStore(
    database,
    () => undefined,
    () => undefined,
  )
  const rates: { label: string; perSecond: number }[] = []
  for (const { owner, keys: count, label } of subjects) {
    const { perSecond } = await insert(keys, 0, count, (n) => describedKey(owner, n))
    rates.push({ label, perSecond })
  }
  const { perSecond } = await insert(keys, 0, many.keys, (n) =>
    describedKey(`owner-${n % many.owners}` as UserId, Math.floor(n / many.owners)),
  )
  rates.push({ label: `${many.owners.toLocaleString('en')} owners`, perSecond })
  await database.close()
  return rates
}

/** Creates, round by round, of keys that are indexed and of keys that are not. Rounds are of equal size. */
export type InsertRates = {
  readonly atOnce: number
  readonly rounds: number
  readonly perRound: number
  readonly with: readonly CreateRate[]
  readonly without: readonly CreateRate[]
}

/** Together more than the 65,536 keys in whose course every merge of the index's segments comes once. */
const ROUNDS = 17

/** Fewer than make an owner's descriptions indexed, so that each round takes a new owner. */
const PER_ROUND = 4_000

/** Compares creating keys for an owner who has many with creating as many for owners who have none. */
export async function measureInserts(storage: Storage, owner: UserId, count: number): Promise<InsertRates> {
  const record = { createdBy: 'bench' as UserId, createdAt: 0 }
  const profileId = 'bench' as ProfileId
  const roleId = 'bench' as RoleId
  await storage.access.putRole({ id: roleId, controllers: {}, content: {}, record }, 'replace', EVENT)
  const profile = { id: profileId, policies: [{ roleId }], rateLimit: 0, content: {}, record }
  await storage.access.putProfile(profile, 'replace', EVENT)
  const addUser = (id: UserId) =>
    storage.users.create({ id, profileIds: [profileId], content: {}, record }, [], EVENT)

  await addUser(owner)
  const rates = { with: [] as CreateRate[], without: [] as CreateRate[] }
  for (let round = 0; round < ROUNDS; round++) {
    const fresh = `fresh-${round}` as UserId
    await addUser(fresh)
    const from = count + round * PER_ROUND
    const to = from + PER_ROUND
    rates.without.push(await insert(storage.keys, from, to, (n) => describedKey(fresh, n)))
    rates.with.push(await insert(storage.keys, from, to, (n) => describedKey(owner, n)))
  }
  return { atOnce: AT_ONCE, rounds: ROUNDS, perRound: PER_ROUND, ...rates }
}
