import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { rolesAllow } from '../access/evaluate-rights.ts'
import type { ControllerRights } from '../access/role.ts'
import { COMPARISONS_MAX, grantedScopes } from './granted-scopes.ts'
import { isScope, scopesKeep } from './scopes.ts'

/** Few letters, so that patterns, rights and questions often meet. */
const name = fc.stringMatching(/^[ab]{1,2}$/)
const pattern = fc.stringMatching(/^[ab*]{1,3}$/)
const scope = fc.oneof(
  fc.constant('*'),
  fc.tuple(pattern, pattern).map(([controller, action]) => `${controller}:${action}`),
)
/** Also names that hold a star, which stand for nothing but themselves. */
const named = fc.oneof(fc.constant('*'), name, fc.constant('a*'))
const role = fc
  .dictionary(named, fc.dictionary(named, fc.boolean(), { maxKeys: 3 }), { maxKeys: 3 })
  .map((rights) => ({
    controllers: Object.fromEntries(
      Object.entries(rights).map(([controller, actions]) => [controller, { actions }]),
    ),
  }))
const roles = fc.array(role, { maxLength: 2 })
const scopes = fc.array(scope, { maxLength: 4 })

const grants = (controllers: ControllerRights) => [{ controllers }]

suite('what the scopes of a key come to', () => {
  test('never more than the scopes and the owner allow together, whatever they are', () => {
    fc.assert(
      fc.property(scopes, roles, name, name, (of, by, controller, action) => {
        const granted = grantedScopes(of, by)
        if (!scopesKeep(granted, controller, action)) return
        assert.ok(scopesKeep(of, controller, action), granted.join())
        assert.ok(rolesAllow(by, controller, action), granted.join())
      }),
      { numRuns: 20_000 },
    )
  })

  test('nothing less, where no role denies anything', () => {
    const generous = role.filter(({ controllers }) =>
      Object.values(controllers).every(({ actions }) => Object.values(actions).every((allowed) => allowed)),
    )
    // A name beside the star of controllers denies what it does not name.
    const plain = generous.filter(
      ({ controllers }) => !('*' in controllers) || Object.keys(controllers).length === 1,
    )
    fc.assert(
      fc.property(scopes, fc.array(plain, { maxLength: 2 }), name, name, (of, by, controller, action) => {
        const granted = grantedScopes(of, by)
        const expected = scopesKeep(of, controller, action) && rolesAllow(by, controller, action)
        assert.equal(scopesKeep(granted, controller, action), expected, granted.join())
      }),
      { numRuns: 5_000 },
    )
  })

  test('permissions only, each once', () => {
    fc.assert(
      fc.property(scopes, roles, (of, by) => {
        const granted = grantedScopes(of, by)
        assert.ok(granted.every(isScope))
        assert.equal(new Set(granted).size, granted.length)
      }),
    )
  })

  test('as the scopes say it where the owner may do all of it', () => {
    const everything = grants({ '*': { actions: { '*': true } } })
    assert.deepEqual(grantedScopes(['invoices:*', 'files:read', '*:get*'], everything), [
      'invoices:*',
      'files:read',
      '*:get*',
    ])
    assert.deepEqual(grantedScopes(['*'], everything), ['*'])
    assert.deepEqual(grantedScopes([], everything), [])
  })

  test('as the owner may do it where that is less', () => {
    const billing = grants({
      invoices: { actions: { read: true, write: true } },
      files: { actions: { '*': true } },
    })
    assert.deepEqual(grantedScopes(['*'], billing), ['invoices:read', 'invoices:write', 'files:*'])
    assert.deepEqual(grantedScopes(['invoices:re*', 'files:re*'], billing), ['invoices:read', 'files:re*'])
    assert.deepEqual(grantedScopes(['payments:approve', 'keys:*'], billing), [])
  })

  test('without what a role denies beside a star, and without what that star would hide', () => {
    const careful = grants({
      '*': { actions: { '*': true } },
      keys: { actions: { '*': true, verify: false } },
    })
    assert.deepEqual(grantedScopes(['keys:*', 'keys:read', 'invoices:*'], careful), [
      'keys:read',
      'invoices:*',
    ])
    assert.deepEqual(grantedScopes(['*'], careful), [])
  })

  test('of no more patterns than can be compared soon, but of every scope without one', () => {
    const names = 500
    const actions = Object.fromEntries(Array.from({ length: names - 1 }, (_, n) => [`do${n}`, true]))
    const role = grants({ things: { actions } })
    const patterns = Array.from({ length: 1_000 }, (_, n) => `t*:*${n}`)
    const granted = grantedScopes([...patterns, 'things:do300'], role)
    const compared = patterns.slice(0, COMPARISONS_MAX / names)
    assert.deepEqual(granted, [...new Set([...grantedScopes(compared, role), 'things:do300'])])
    assert.deepEqual(grantedScopes(['*:*300', 'a:b'], role), ['things:do300'])
  })
})
