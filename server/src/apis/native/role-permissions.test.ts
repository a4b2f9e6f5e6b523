import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { roleAllows } from '../../core/access/evaluate-rights.ts'
import { PERMISSION, printRights, rightsOf } from './role-permissions.ts'

const name = fc.constantFrom('a', 'b', 'invoices', 'x.y-z_0')
const action = fc.oneof(name, fc.constant('*'))
const permission = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(name, action).map(([one, other]) => `${one}:${other}`) },
  fc.constantFrom('*', '*:*'),
)

/** What a list of permissions means, said without roles. */
function isGranted(permissions: readonly string[], controller: string, wanted: string): boolean {
  return permissions.some((text) => {
    const [first, second = '*'] = text.split(':')
    return (first === '*' || first === controller) && (second === '*' || second === wanted)
  })
}

describe('permissions of a role', () => {
  it('grant what any of them says, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(permission, { minLength: 1 }), name, name, (permissions, controller, wanted) => {
        const role = { controllers: rightsOf(permissions) }
        assert.equal(roleAllows(role, controller, wanted), isGranted(permissions, controller, wanted))
      }),
    )
  })

  it('come back from the role that they made', () => {
    fc.assert(
      fc.property(fc.array(permission, { minLength: 1 }), (permissions) => {
        const printed = printRights(rightsOf(permissions))
        assert.deepEqual(rightsOf(printed.permissions), rightsOf(permissions))
        assert.deepEqual(printed.exceptions, [])
      }),
    )
  })

  it('that a role denies are shown as exceptions', () => {
    const controllers = { files: { actions: { '*': true, delete: false } } }
    assert.deepEqual(printRights(controllers), { permissions: ['files:*'], exceptions: ['files:delete'] })
  })

  it('have a form that roles can hold', () => {
    for (const good of ['*', '*:*', 'a:b', 'a:*', 'a.b-c_d:e']) assert.match(good, PERMISSION)
    for (const bad of ['', 'a', 'a:', ':b', 'a:b:c', '*:b', 'a*:b', 'a:b*', 'a b:c', 'a:b ', 'a:b\n']) {
      assert.doesNotMatch(bad, PERMISSION)
    }
  })

  it('may have names that JavaScript puts a meaning on', () => {
    const role = { controllers: rightsOf(['constructor:toString', '__proto__:x']) }
    assert.ok(roleAllows(role, 'constructor', 'toString'))
    assert.ok(roleAllows(role, '__proto__', 'x'))
    assert.ok(!roleAllows(role, 'toString', 'constructor'))
  })
})
