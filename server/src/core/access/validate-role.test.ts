import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DomainError } from '../errors.ts'
import type { ProfileId, RoleId } from '../ids.ts'
import { CLOSED_RIGHTS, DEFAULT_NAMES, OPEN_RIGHTS, STANDARD_RIGHTS } from './default-rights.ts'
import { NATIVE_ACTIONS } from './native-actions.ts'
import { checkAnonymousRole, parsePolicies, parseRateLimit } from './validate-profile.ts'
import { checkControllersExist, parseControllerRights, type RoleNames } from './validate-role.ts'

const ROLE = 'r' as RoleId
const PROFILE = 'p' as ProfileId
const NAMES: readonly RoleNames[] = ['known', 'forced', 'free']

/** The code and facts of the refusal, without `id`. */
function refusalOf(work: () => unknown): Readonly<Record<string, unknown>> {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof DomainError, String(error))
    const { id: _, ...facts } = error.facts
    return { code: error.code, ...facts }
  }
  return assert.fail('nothing was refused')
}

describe('the shape of a role', () => {
  const cases: readonly (readonly [unknown, string, string, string?])[] = [
    [undefined, 'missing_argument', 'r.controllers'],
    [null, 'missing_argument', 'r.controllers'],
    [[], 'invalid_type', 'r.controllers', 'object'],
    ['auth', 'invalid_type', 'r.controllers', 'object'],
    [{}, 'empty_argument', 'r.controllers'],
    [{ auth: true }, 'invalid_type', 'auth', 'object'],
    [{ auth: {} }, 'empty_argument', 'auth'],
    [{ auth: { login: true } }, 'missing_argument', 'auth.actions'],
    [{ auth: { actions: [] } }, 'invalid_type', 'auth.actions', 'object'],
    [{ auth: { actions: {} } }, 'empty_argument', 'auth.actions'],
    [{ auth: { actions: { login: 'true' } } }, 'invalid_type', 'auth.actions.login', 'boolean'],
    [{ auth: { actions: { login: null } } }, 'invalid_type', 'auth.actions.login', 'boolean'],
  ]
  for (const [value, problem, argument, expected] of cases) {
    test(`${JSON.stringify(value)} is refused as ${problem} of "${argument}"`, () => {
      const facts = { code: 'role.invalid', problem, argument, ...(expected !== undefined && { expected }) }
      assert.deepEqual(
        refusalOf(() => parseControllerRights(ROLE, value)),
        facts,
      )
    })
  }

  test('is kept as given when it is right, also with names that every JavaScript object has', () => {
    const value: unknown = JSON.parse(
      '{"*":{"actions":{"*":true}},"__proto__":{"actions":{"__proto__":false}}}',
    )
    assert.equal(JSON.stringify(parseControllerRights(ROLE, value)), JSON.stringify(value))
    assert.equal(Object.getPrototypeOf(parseControllerRights(ROLE, value)), Object.prototype)
  })

  test('is either read or refused as a domain error, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything({ maxDepth: 4 }), fc.constantFrom(...NAMES), (value, names) => {
        try {
          const rights = parseControllerRights(ROLE, value)
          for (const { actions } of Object.values(rights)) {
            for (const allowed of Object.values(actions)) assert.equal(typeof allowed, 'boolean')
          }
          checkControllersExist(ROLE, rights, names)
        } catch (error) {
          assert.ok(error instanceof DomainError, String(error))
        }
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('controllers and actions of a role', () => {
  const check = (controllers: Readonly<Record<string, string>>, names: RoleNames = 'known') => {
    const rights = Object.entries(controllers).map(([name, action]) => [
      name,
      { actions: { [action]: true } },
    ])
    checkControllersExist(ROLE, Object.fromEntries(rights), names)
  }

  test('must exist, with a hint at what was probably meant', () => {
    assert.deepEqual(
      refusalOf(() => check({ secruity: 'getUser' })),
      { code: 'role.unknown_controller', controller: 'secruity', suggestion: 'security' },
    )
    assert.deepEqual(
      refusalOf(() => check({ auth: 'logIn2' })),
      { code: 'role.unknown_action', controller: 'auth', action: 'logIn2', suggestion: 'login' },
    )
    assert.deepEqual(
      refusalOf(() => check({ iotAssets: 'track' })),
      { code: 'role.unknown_controller', controller: 'iotAssets' },
    )
  })

  test('may be unknown with force, but not actions of native controllers', () => {
    assert.doesNotThrow(() => check({ iotAssets: 'track' }, 'forced'))
    assert.equal(refusalOf(() => check({ document: 'destroy' }, 'forced'))['code'], 'role.unknown_action')
  })

  test('may be of ones own making, but not where they decide what may be done here', () => {
    const own = { document: 'read', index: 'read', admin: 'read', cluster: 'view', debug: 'on', x: 'y' }
    assert.doesNotThrow(() => check(own, 'free'))
    for (const [controller, action] of [
      ['keys', 'rotate'],
      ['auth', 'logIn2'],
      ['security', 'getUsr'],
      ['server', 'metric'],
    ] as const) {
      const refusal = refusalOf(() => check({ [controller]: action }, 'free'))
      assert.equal(refusal['code'], 'role.unknown_action', controller)
    }
    assert.throws(() => check({ keys: 'rotate' }, 'free'), /it has create, explain, read, revoke/)
  })

  test('may be *, but * as controller takes no other action', () => {
    assert.doesNotThrow(() => check({ '*': '*', auth: '*', document: 'mUpsert' }))
    for (const names of NAMES) {
      assert.equal(refusalOf(() => check({ '*': 'login' }, names))['code'], 'role.unknown_action')
    }
  })

  test('are known for every route that kuzzle-sdk has', () => {
    const path = new URL(import.meta.resolve('kuzzle-sdk/package.json'))
    const routes: Readonly<Record<string, Readonly<Record<string, unknown>>>> = JSON.parse(
      readFileSync(new URL('./src/protocols/routes.json', path), 'utf8'),
    )
    // Routes of Kuzzle 1 that Kuzzle 2 no longer has.
    const gone = ['getAutoRefresh', 'setAutoRefresh', 'refresh', 'refreshInternal']
    for (const [controller, actions] of Object.entries(routes)) {
      for (const action of Object.keys(actions)) {
        if (controller === 'index' && gone.includes(action)) continue
        assert.ok(NATIVE_ACTIONS.get(controller)?.has(action), `${controller}:${action}`)
      }
    }
  })

  test('of the default rights exist', () => {
    for (const { roles } of [OPEN_RIGHTS, CLOSED_RIGHTS, STANDARD_RIGHTS]) {
      for (const name of DEFAULT_NAMES)
        assert.doesNotThrow(() => checkControllersExist(ROLE, roles[name], 'known'))
    }
  })
})

describe('the shape of a profile', () => {
  const cases: readonly (readonly [unknown, Readonly<Record<string, unknown>>])[] = [
    [undefined, { problem: 'missing_argument', argument: 'p.policies' }],
    ['x', { problem: 'invalid_type', argument: 'p.policies', expected: 'object[]' }],
    [['x'], { problem: 'invalid_type', argument: 'p.policies[0]', expected: 'object' }],
    [[{}], { problem: 'missing_argument', argument: 'p.policies[0].roleId' }],
    [[{ roleId: 1 }], { problem: 'invalid_type', argument: 'p.policies[0].roleId', expected: 'string' }],
    [
      [{ roleId: 'a' }, { roleId: 'b', role: 'c' }],
      {
        problem: 'unexpected_argument',
        argument: 'p.policies[1].role',
        accepted: '"roleId", "restrictedTo"',
      },
    ],
    [
      [{ roleId: 'a', restrictedTo: {} }],
      { problem: 'invalid_type', argument: 'p.policies[0].restrictedTo', expected: 'object[]' },
    ],
    [
      [{ roleId: 'a', restrictedTo: [{}] }],
      { problem: 'missing_argument', argument: 'p.policies[0].restrictedTo[0].index' },
    ],
    [
      [{ roleId: 'a', restrictedTo: [{ index: 'i', collections: 'c' }] }],
      {
        problem: 'invalid_type',
        argument: 'p.policies[0].restrictedTo[0].collections',
        expected: 'string[]',
      },
    ],
    [
      [{ roleId: 'a', restrictedTo: [{ index: 'i', collection: 'c' }] }],
      {
        problem: 'unexpected_argument',
        argument: 'p.policies[0].restrictedTo[0].collection',
        accepted: '"index", "collections"',
      },
    ],
  ]
  for (const [value, facts] of cases) {
    test(`${JSON.stringify(value)} is refused, naming the member`, () => {
      assert.deepEqual(
        refusalOf(() => parsePolicies(PROFILE, value)),
        { code: 'profile.invalid', ...facts },
      )
    })
  }

  test('gets the role "default" when it names none', () => {
    assert.deepEqual(parsePolicies(PROFILE, []), [{ roleId: 'default' }])
  })

  test('has a whole rate limit of at least 0', () => {
    assert.equal(parseRateLimit(PROFILE, undefined), 0)
    assert.equal(parseRateLimit(PROFILE, 12), 12)
    for (const value of ['1', 1.5, true, Number.NaN]) {
      assert.equal(refusalOf(() => parseRateLimit(PROFILE, value))['problem'], 'invalid_type')
    }
    assert.equal(refusalOf(() => parseRateLimit(PROFILE, -1))['problem'], 'invalid_argument')
  })

  test('of the anonymous user must include the role "anonymous"', () => {
    const anonymous = 'anonymous' as ProfileId
    assert.throws(() => checkAnonymousRole(anonymous, parsePolicies(anonymous, [])), {
      code: 'profile.anonymous_role_required',
    })
    assert.doesNotThrow(() => checkAnonymousRole(anonymous, [{ roleId: 'anonymous' as RoleId }]))
  })
})
