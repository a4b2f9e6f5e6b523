import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Storage } from '../../core/ports/storage.ts'
import {
  anEvent,
  aProfile,
  aRole,
  aUser,
  auditSubjects,
  numbers,
  outcomes,
  profileId,
  refusal,
  roleId,
  TESTER,
  userId,
  withUsers,
} from './records.ts'
import type { WithStorage } from './with-storage.ts'

const ROLE_PUT = anEvent('role.create', 'role')
const ROLE_UPDATED = anEvent('role.update', 'role')
const ROLE_DELETED = anEvent('role.delete', 'role')
const PROFILE_PUT = anEvent('profile.create', 'profile')
const PROFILE_UPDATED = anEvent('profile.update', 'profile')
const PROFILE_DELETED = anEvent('profile.delete', 'profile', { at: 7_000 })
const RESET = anEvent('rights.reset', 'rights')

/** The promises of `AccessStore`. */
export function describeAccessStore(withStorage: WithStorage): void {
  describe('roles and profiles', () => {
    describePutting(withStorage)
    describeIdentity(withStorage)
    describeUpdating(withStorage)
    describeRemovingRoles(withStorage)
    describeRemovingProfiles(withStorage)
    describeReplacingAll(withStorage)
  })
}

function describePutting(withStorage: WithStorage): void {
  test(
    'a role and a profile are found exactly as they were stored',
    withStorage(async ({ access }) => {
      const role = aRole('r', {
        controllers: { auth: { actions: { login: true, '*': false } } },
        tags: ['x'],
        content: { note: 'n' },
        record: { createdBy: TESTER, createdAt: 1, updatedBy: TESTER, updatedAt: 2 },
      })
      const profile = aProfile('p', ['r'], {
        policies: [{ roleId: roleId('r'), restrictedTo: [{ index: 'i', collections: ['c'] }] }],
        rateLimit: 50,
        tags: [],
        content: { note: 'n' },
      })
      await access.putRole(role, 'refuse', ROLE_PUT)
      await access.putProfile(profile, 'refuse', PROFILE_PUT)
      assert.deepEqual(await access.findRole(role.id), role)
      assert.deepEqual(await access.findProfile(profile.id), profile)
      assert.equal(await access.findRole(roleId('none')), undefined)
      assert.equal(await access.findProfile(profileId('none')), undefined)
    }),
  )

  test(
    'of 64 roles with one id at once exactly one is created; the same for profiles',
    withStorage(async (storage) => {
      const roles = await outcomes(
        numbers(64).map((n) => storage.access.putRole(aRole('r', { content: { n } }), 'refuse', ROLE_PUT)),
      )
      assert.deepEqual(roles, { fulfilled: 1, codes: new Set(['role.already_exists']) })
      const profiles = await outcomes(
        numbers(64).map(() => storage.access.putProfile(aProfile('p', ['r']), 'refuse', PROFILE_PUT)),
      )
      assert.deepEqual(profiles, { fulfilled: 1, codes: new Set(['profile.already_exists']) })
      assert.equal((await auditSubjects(storage, 'role.create')).length, 1)
      assert.equal((await auditSubjects(storage, 'profile.create')).length, 1)
    }),
  )

  test(
    'a replacement keeps when and by whom the record was first made',
    withStorage(async ({ access }) => {
      const later = { createdBy: userId('other'), createdAt: 5_000, updatedBy: TESTER, updatedAt: 6_000 }
      const kept = { ...later, createdBy: TESTER, createdAt: 1_000 }
      await access.putRole(aRole('r'), 'replace', ROLE_PUT)
      await access.putRole(aRole('r', { content: { n: 2 }, record: later }), 'replace', ROLE_PUT)
      assert.deepEqual(await access.findRole(roleId('r')), aRole('r', { content: { n: 2 }, record: kept }))
      await access.putProfile(aProfile('p', ['r']), 'replace', PROFILE_PUT)
      await access.putProfile(aProfile('p', [], { record: later }), 'replace', PROFILE_PUT)
      assert.deepEqual(await access.findProfile(profileId('p')), aProfile('p', [], { record: kept }))
    }),
  )

  test(
    'a profile with a role that is not stored is refused, and what was there stays',
    withStorage(async (storage) => {
      await storage.access.putRole(aRole('r'), 'refuse', ROLE_PUT)
      await storage.access.putProfile(aProfile('p', ['r']), 'refuse', PROFILE_PUT)
      const broken = aProfile('p', ['r', 'none'])
      const error = await refusal(storage.access.putProfile(broken, 'replace', PROFILE_PUT), 'role.not_found')
      assert.equal(error.facts['id'], 'none')
      assert.deepEqual(await storage.access.findProfile(profileId('p')), aProfile('p', ['r']))
      assert.equal((await auditSubjects(storage, 'profile.create')).length, 1)
    }),
  )

  test(
    'a profile may name one role several times',
    withStorage(async ({ access }) => {
      await access.putRole(aRole('r'), 'refuse', ROLE_PUT)
      await access.putProfile(aProfile('p', ['r', 'r']), 'refuse', PROFILE_PUT)
      assert.deepEqual(await access.findProfile(profileId('p')), aProfile('p', ['r', 'r']))
    }),
  )
}

function describeIdentity(withStorage: WithStorage): void {
  test(
    'an unchanged record stays the identical object, whatever else changes or is refused',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const { access } = storage
      const role = await access.findRole(roleId('base'))
      const profile = await access.findProfile(profileId('default'))
      assert.ok(role !== undefined && profile !== undefined)
      const unchanged = async () => {
        assert.equal(await access.findRole(role.id), role)
        assert.equal(await access.findProfile(profile.id), profile)
      }
      await unchanged()
      await access.putRole(aRole('other'), 'refuse', ROLE_PUT)
      await unchanged()
      await access.putProfile(aProfile('other', ['other']), 'refuse', PROFILE_PUT)
      await unchanged()
      await refusal(access.putRole(aRole('base'), 'refuse', ROLE_PUT), 'role.already_exists')
      await refusal(
        access.updateProfile(profile.id, () => aProfile('x', ['none']), PROFILE_UPDATED),
        'role.not_found',
      )
      await unchanged()
      await storage.users.remove(userId('ann'), anEvent('user.delete'))
      await access.removeProfile(profileId('other'), 'refuse', PROFILE_DELETED, TESTER)
      await unchanged()
    }),
  )

  test(
    'a changed record is a new object as soon as the change is acknowledged',
    withStorage(async ({ access }) => {
      await access.putRole(aRole('r'), 'refuse', ROLE_PUT)
      for (const n of numbers(20)) {
        const before = await access.findRole(roleId('r'))
        await access.putRole(aRole('r', { content: { n } }), 'replace', ROLE_PUT)
        const after = await access.findRole(roleId('r'))
        assert.notEqual(after, before)
        assert.deepEqual(after?.content, { n })
      }
    }),
  )

  test(
    'the roles of a user are those of its profiles, from the change of any of them on',
    withStorage(async (storage) => {
      const { access, users } = storage
      await withUsers(storage, 'ann')
      const ann = userId('ann')
      const rolesOfAnn = async () => (await access.rolesOf(ann)).map((role) => role.id)
      assert.deepEqual(await rolesOfAnn(), ['base'])
      await access.putRole(aRole('more'), 'refuse', ROLE_PUT)
      await access.putProfile(aProfile('other', ['more', 'base']), 'refuse', PROFILE_PUT)
      assert.deepEqual(await rolesOfAnn(), ['base'])

      const profileIds = [profileId('default'), profileId('other')]
      await users.update(ann, (user) => ({ ...user, profileIds }), anEvent('user.update'))
      assert.deepEqual(await rolesOfAnn(), ['base', 'more'])
      const before = await access.rolesOf(ann)
      await access.putRole(aRole('unrelated'), 'refuse', ROLE_PUT)
      assert.equal(await access.rolesOf(ann), before)
      await access.putRole(aRole('more', { controllers: {} }), 'replace', ROLE_PUT)
      assert.deepEqual((await access.rolesOf(ann))[1]?.controllers, {})
      await access.putProfile(aProfile('default', ['unrelated']), 'replace', PROFILE_PUT)
      assert.deepEqual(await rolesOfAnn(), ['unrelated', 'more', 'base'])
      await access.removeProfile(profileId('other'), 'unassign', PROFILE_DELETED, TESTER)
      assert.deepEqual(await rolesOfAnn(), ['unrelated'])
      await users.remove(ann, anEvent('user.delete'))
      assert.deepEqual(await rolesOfAnn(), [])
      assert.deepEqual(await access.rolesOf(userId('nobody')), [])
    }),
  )

  test(
    'the anonymous user has the roles of the profile of that name',
    withStorage(async ({ access }) => {
      assert.deepEqual(await access.rolesOf(userId('-1')), [])
      await access.putRole(aRole('base'), 'refuse', ROLE_PUT)
      await access.putProfile(aProfile('anonymous', ['base']), 'refuse', PROFILE_PUT)
      assert.deepEqual(
        (await access.rolesOf(userId('-1'))).map((role) => role.id),
        ['base'],
      )
    }),
  )

  test(
    'a role that was removed and made again is a new object',
    withStorage(async ({ access }) => {
      await access.putRole(aRole('r'), 'refuse', ROLE_PUT)
      const first = await access.findRole(roleId('r'))
      const again = () => access.putRole(aRole('r', { content: { n: 2 } }), 'refuse', ROLE_PUT)
      const removal = access.removeRole(roleId('r'), ROLE_DELETED)
      // Changes that are asked for at once may be made in any order.
      await Promise.all([removal, again().catch(() => removal.then(again))])
      assert.notEqual(await access.findRole(roleId('r')), first)
      assert.deepEqual((await access.findRole(roleId('r')))?.content, { n: 2 })
    }),
  )
}

function describeUpdating(withStorage: WithStorage): void {
  test(
    'no update is lost when 64 add to one role and one profile at once',
    withStorage(async ({ access }) => {
      await access.putRole(aRole('r', { content: { n: 0 } }), 'refuse', ROLE_PUT)
      await access.putProfile(aProfile('p', ['r']), 'refuse', PROFILE_PUT)
      await Promise.all(
        numbers(64).flatMap(() => [
          access.updateRole(
            roleId('r'),
            (role) => ({ ...role, content: { n: Number(role.content['n']) + 1 } }),
            ROLE_UPDATED,
          ),
          access.updateProfile(
            profileId('p'),
            (profile) => ({ ...profile, rateLimit: profile.rateLimit + 1 }),
            PROFILE_UPDATED,
          ),
        ]),
      )
      assert.deepEqual((await access.findRole(roleId('r')))?.content, { n: 64 })
      assert.equal((await access.findProfile(profileId('p')))?.rateLimit, 64)
    }),
  )

  test(
    'an update answers what is stored, and a refused one changes nothing',
    withStorage(async (storage) => {
      const { access } = storage
      await access.putRole(aRole('r'), 'refuse', ROLE_PUT)
      await access.putProfile(aProfile('p', ['r']), 'refuse', PROFILE_PUT)
      const role = await access.updateRole(roleId('r'), (old) => ({ ...old, tags: ['t'] }), ROLE_UPDATED)
      assert.deepEqual(role, await access.findRole(roleId('r')))
      const ours = new RangeError('no')
      const fail = () => {
        throw ours
      }
      const thrownOurs = (error: unknown) => error === ours
      await refusal(
        access.updateRole(roleId('none'), (old) => old, ROLE_UPDATED),
        'role.not_found',
      )
      await refusal(
        access.updateProfile(profileId('none'), (old) => old, PROFILE_UPDATED),
        'profile.not_found',
      )
      await assert.rejects(access.updateRole(roleId('r'), fail, ROLE_UPDATED), thrownOurs)
      await assert.rejects(access.updateProfile(profileId('p'), fail, PROFILE_UPDATED), thrownOurs)
      assert.deepEqual(await access.findRole(roleId('r')), role)
      assert.equal((await auditSubjects(storage, 'role.update')).length, 1)
      assert.equal((await auditSubjects(storage, 'profile.update')).length, 0)
    }),
  )
}

function describeRemovingRoles(withStorage: WithStorage): void {
  test(
    'a role is removed once, and only when no profile holds it',
    withStorage(async (storage) => {
      const { access } = storage
      await access.putRole(aRole('r'), 'refuse', ROLE_PUT)
      await access.putProfile(aProfile('p', ['r']), 'refuse', PROFILE_PUT)
      const error = await refusal(access.removeRole(roleId('r'), ROLE_DELETED), 'role.in_use')
      assert.deepEqual(error.facts, { id: 'r', profileId: 'p' })
      assert.deepEqual(await access.findRole(roleId('r')), aRole('r'))

      await access.putProfile(aProfile('p', []), 'replace', PROFILE_PUT)
      await access.removeRole(roleId('r'), ROLE_DELETED)
      assert.equal(await access.findRole(roleId('r')), undefined)
      await refusal(access.removeRole(roleId('r'), ROLE_DELETED), 'role.not_found')
      assert.equal((await auditSubjects(storage, 'role.delete')).length, 1)
    }),
  )
}

function describeRemovingProfiles(withStorage: WithStorage): void {
  const giveProfiles = async (storage: Storage) => {
    await withUsers(storage, 'default-only')
    await storage.access.putProfile(aProfile('p', ['base']), 'refuse', PROFILE_PUT)
    const both = [profileId('p'), profileId('default')]
    await storage.users.create(aUser('both', { profileIds: both }), [], anEvent('user.create'))
    const only = [profileId('p')]
    await storage.users.create(aUser('only', { profileIds: only }), [], anEvent('user.create'))
  }

  test(
    'a profile that users hold is not removed unless it may be taken from them',
    withStorage(async (storage) => {
      await giveProfiles(storage)
      const removal = storage.access.removeProfile(profileId('p'), 'refuse', PROFILE_DELETED, TESTER)
      assert.deepEqual((await refusal(removal, 'profile.in_use')).facts, { id: 'p' })
      assert.ok((await storage.access.findProfile(profileId('p'))) !== undefined)
      assert.deepEqual(await auditSubjects(storage, 'profile.delete'), [])
    }),
  )

  test(
    'users left without a profile get "anonymous", and the change is theirs to see',
    withStorage(async (storage) => {
      await giveProfiles(storage)
      await storage.access.removeProfile(profileId('p'), 'unassign', PROFILE_DELETED, userId('boss'))
      assert.equal(await storage.access.findProfile(profileId('p')), undefined)
      const record = { createdBy: TESTER, createdAt: 1_000, updatedBy: 'boss', updatedAt: 7_000 }
      const { users } = storage
      const both = await users.find(userId('both'))
      assert.deepEqual([both?.profileIds, both?.record], [['default'], record])
      const only = await users.find(userId('only'))
      assert.deepEqual([only?.profileIds, only?.record], [['anonymous'], record])
      assert.deepEqual(await users.find(userId('default-only')), aUser('default-only'))
      assert.equal(await users.existsWithProfile(profileId('p')), false)
      assert.equal(await users.existsWithProfile(profileId('anonymous')), true)
    }),
  )

  test(
    'a profile is removed once, and lets go of its roles',
    withStorage(async (storage) => {
      await withUsers(storage)
      const { access } = storage
      await access.removeProfile(profileId('default'), 'refuse', PROFILE_DELETED, TESTER)
      for (const assigned of ['refuse', 'unassign'] as const) {
        const again = access.removeProfile(profileId('default'), assigned, PROFILE_DELETED, TESTER)
        await refusal(again, 'profile.not_found')
      }
      await access.removeRole(roleId('base'), ROLE_DELETED)
      assert.equal((await auditSubjects(storage, 'profile.delete')).length, 1)
    }),
  )
}

function describeReplacingAll(withStorage: WithStorage): void {
  test(
    'all roles and profiles are replaced at once, and users keep the ids of theirs',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const { access } = storage
      const removed = await access.replaceAll([aRole('r'), aRole('s')], [aProfile('p', ['r'])], RESET)
      assert.deepEqual(removed, { removedRoles: 1, removedProfiles: 1 })
      assert.equal(await access.findRole(roleId('base')), undefined)
      assert.equal(await access.findProfile(profileId('default')), undefined)
      assert.deepEqual(await access.findRole(roleId('s')), aRole('s'))
      assert.deepEqual(await access.findProfile(profileId('p')), aProfile('p', ['r']))
      assert.deepEqual(await storage.users.find(userId('ann')), aUser('ann'))
      assert.equal(await storage.users.existsWithProfile(profileId('default')), true)
      assert.deepEqual(await auditSubjects(storage, 'rights.reset'), ['rights'])
    }),
  )

  test(
    'a replacement of all that is refused changes nothing',
    withStorage(async (storage) => {
      await withUsers(storage)
      const before = await storage.access.findRole(roleId('base'))
      const broken = storage.access.replaceAll([aRole('r')], [aProfile('p', ['base'])], RESET)
      await refusal(broken, 'role.not_found')
      assert.equal(await storage.access.findRole(roleId('base')), before)
      assert.equal(await storage.access.findRole(roleId('r')), undefined)
      assert.ok((await storage.access.findProfile(profileId('default'))) !== undefined)
    }),
  )
}
