import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ANONYMOUS_ID, type ProfileId, type RoleId } from '../ids.ts'
import { policyCovers, profilesGrant, type RightsSource, roleAllows } from './evaluate-rights.ts'
import { listRights } from './list-rights.ts'
import type { Policy, Profile } from './profile.ts'
import type { ControllerRights, Role } from './role.ts'

const record = { createdBy: ANONYMOUS_ID, createdAt: 0 }

function roleOf(controllers: ControllerRights, id = 'r'): Role {
  return { id: id as RoleId, controllers, content: {}, record }
}

function sourceOf(
  roles: Readonly<Record<string, ControllerRights>>,
  profiles: Readonly<Record<string, readonly Policy[]>>,
): RightsSource {
  return {
    findRole: async (id) => {
      const controllers = roles[id]
      return controllers && roleOf(controllers, id)
    },
    findProfile: async (id) => {
      const policies = profiles[id]
      return policies && ({ id, policies, rateLimit: 0, content: {}, record } satisfies Profile)
    },
  }
}

const policy = (roleId: string, restrictedTo?: Policy['restrictedTo']): Policy => ({
  roleId: roleId as RoleId,
  ...(restrictedTo !== undefined && { restrictedTo }),
})
const ids = (...names: readonly string[]) => names as readonly ProfileId[]
const allow = (actions: Readonly<Record<string, boolean>>) => ({ actions })

describe('a role', () => {
  test('hides the controller * by a controller that is named, and the action * by an action', () => {
    const role = roleOf({
      '*': allow({ '*': true }),
      auth: allow({ login: true, logout: false }),
      server: allow({ '*': true, info: false }),
    })
    const answers = [
      ['security', 'getUser', true],
      ['auth', 'login', true],
      ['auth', 'logout', false],
      ['auth', 'createApiKey', false],
      ['server', 'now', true],
      ['server', 'info', false],
    ] as const
    for (const [controller, action, expected] of answers) {
      assert.equal(roleAllows(role, controller, action), expected, `${controller}:${action}`)
    }
  })

  test('grants nothing by names that every JavaScript object has', () => {
    const role = roleOf({ auth: allow({ login: true }) })
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      assert.equal(roleAllows(role, name, name), false)
      assert.equal(roleAllows(role, 'auth', name), false)
    }
  })

  test('grants only what is exactly true', () => {
    const forged: ControllerRights = JSON.parse('{"auth":{"actions":{"login":"yes","logout":1,"me":null}}}')
    for (const action of ['login', 'logout', 'me'])
      assert.equal(roleAllows(roleOf(forged), 'auth', action), false)
  })

  test('answers as the definition says, for any rights and any question', () => {
    const name = fc.constantFrom('*', 'a', 'b', 'c')
    const rights = fc.dictionary(name, fc.record({ actions: fc.dictionary(name, fc.boolean()) }))
    fc.assert(
      fc.property(rights, name, name, (controllers, controller, action) => {
        const named = Object.hasOwn(controllers, controller) ? controller : '*'
        const actions = Object.hasOwn(controllers, named) ? controllers[named]?.actions : undefined
        const expected = actions !== undefined && (actions[action] ?? actions['*']) === true
        assert.equal(roleAllows(roleOf(controllers), controller, action), expected)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('a policy that is restricted to some data', () => {
  const restricted = policy('r', [{ index: 'i', collections: ['c', 'd'] }, { index: 'whole' }])
  const right = { controller: 'document', action: 'get' }

  test('covers only what it lists', () => {
    assert.equal(policyCovers(restricted, { ...right, index: 'i', collection: 'c' }), true)
    assert.equal(policyCovers(restricted, { ...right, index: 'i', collection: 'x' }), false)
    assert.equal(policyCovers(restricted, { ...right, index: 'i' }), false)
    assert.equal(policyCovers(restricted, { ...right, index: 'whole', collection: 'x' }), true)
    assert.equal(policyCovers(restricted, { ...right, index: 'other', collection: 'c' }), false)
  })

  test('never limits a request that names no index, such as those about keys', () => {
    assert.equal(policyCovers(restricted, { controller: 'auth', action: 'createApiKey' }), true)
  })

  test('covers everything when its list is empty', () => {
    assert.equal(policyCovers(policy('r', []), { ...right, index: 'x' }), true)
    assert.equal(policyCovers(policy('r', [{ index: 'i', collections: [] }]), { ...right, index: 'i' }), true)
  })
})

describe('profiles together', () => {
  const source = sourceOf(
    {
      reader: { document: allow({ get: true, delete: false }) },
      writer: { document: allow({ delete: true }) },
    },
    { r: [policy('reader')], w: [policy('writer', [{ index: 'i' }])], broken: [policy('gone')] },
  )
  const grants = (profileIds: readonly ProfileId[], action: string, index?: string) =>
    profilesGrant(source, profileIds, {
      controller: 'document',
      action,
      ...(index !== undefined && { index }),
    })

  test('grant what any policy grants; a denial elsewhere takes nothing away', async () => {
    assert.equal(await grants(ids('r'), 'delete'), false)
    assert.equal(await grants(ids('r', 'w'), 'delete', 'i'), true)
    assert.equal(await grants(ids('w', 'r'), 'delete', 'i'), true)
    assert.equal(await grants(ids('r', 'w'), 'delete', 'j'), false)
  })

  test('grant nothing through profiles or roles that do not exist, and none to nobody', async () => {
    assert.equal(await grants(ids('missing', 'broken'), 'get'), false)
    assert.equal(await grants(ids(), 'get'), false)
    assert.equal(await grants(ids('missing', 'broken', 'r'), 'get'), true)
  })

  test('list one entry for each controller, action, index and collection, and allowed wins', async () => {
    const entry = (action: string, index: string, value: string) => ({
      controller: 'document',
      action,
      index,
      collection: '*',
      value,
    })
    assert.deepEqual(await listRights(source, ids('r', 'w', 'missing', 'broken')), [
      entry('get', '*', 'allowed'),
      entry('delete', '*', 'denied'),
      entry('delete', 'i', 'allowed'),
    ])
    const both = sourceOf(
      { no: { a: allow({ x: false }) }, yes: { a: allow({ x: true }) } },
      { p: [policy('no'), policy('yes'), policy('no')] },
    )
    assert.deepEqual(await listRights(both, ids('p')), [
      { controller: 'a', action: 'x', index: '*', collection: '*', value: 'allowed' },
    ])
  })
})
