import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { aKey, anEvent, aRole, aUser, keyId, profileId, revokeKey, roleId, userId } from './records.ts'

type Order = (storage: Storage, id: string, note: string) => Promise<unknown>

/** What can be ordered of another process or thread on the same store: `ORDER ID NOTE`. */
const ORDERS: Readonly<Record<string, Order>> = {
  role: ({ access }, id, note) =>
    access.putRole(aRole(id, { content: { note } }), 'replace', anEvent('role.replace')),
  read: async ({ access }, id) => `note ${(await access.findRole(roleId(id)))?.content['note']}`,
  user: ({ users }, id) => users.create(aUser(id), [], anEvent('user.create')),
  unuser: ({ users }, id) => users.remove(userId(id), anEvent('user.delete')),
  profile: ({ users }, id, profile) =>
    users.update(
      userId(id),
      (user) => ({ ...user, profileIds: [profileId(profile)] }),
      anEvent('user.update'),
    ),
  key: ({ keys }, id, owner) => keys.insert(aKey(id, owner || '-1'), undefined, anEvent('key.create')),
  unkey: ({ keys }, id) => revokeKey(keys, id),
  rekey: ({ keys }, id) => keys.restore(keyId(id), { revokedSince: 0 }, anEvent('key.restore')),
  describe: ({ keys }, id, description) =>
    keys.update(keyId(id), (key) => ({ ...key, description }), anEvent('key.update')),
  rotate: ({ keys }, id, note) =>
    keys.rotate(
      keyId(id),
      {
        replaces: aKey(id, '').fingerprint,
        fingerprint: fingerprintOf(`key of ${note}`),
        previousGoodUntil: 9_000,
      },
      anEvent('key.rotate'),
    ),
  limit: ({ keys }, owner, limit) =>
    keys.setOwnerLimits(
      userId(owner),
      [{ name: 'all', limit: Number(limit), windowMs: 1_000 }],
      anEvent('owner.limits'),
    ),
  use: ({ keys }, id, at) =>
    keys.noteUses([{ id: keyId(id), since: Number(at), lastUsedAt: Number(at), days: new Map() }]),
  purge: ({ keys }) => keys.purge({ now: 10_000, revokedBefore: 10_000, usedBefore: 0 }),
  see: async ({ keys }, id) => seen(await keys.lookUp(aKey(id, '').fingerprint)),
}

function seen(found: Awaited<ReturnType<Storage['keys']['lookUp']>>): string {
  if (found === undefined) return 'sees nothing'
  return `sees ${found.revocation === undefined ? found.key.description : 'a revoked key'}`
}

/** Does what a line says; answers `done`, or what was read. */
export async function obeyOrder(storage: Storage, line: string): Promise<string> {
  const [order = '', id = '', note = ''] = line.split(' ')
  const obey = ORDERS[order]
  if (obey === undefined) throw new Error(`Cannot obey "${line}": there is no such order`)
  const answer = await obey(storage, id, note)
  return typeof answer === 'string' ? answer : 'done'
}
