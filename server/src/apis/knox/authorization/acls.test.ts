import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KnoxRefusal } from '../knox-request.ts'
import { requestFor } from '../testing/request-for.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import { createAclAuthorization } from './acls.ts'

const ADMINISTRATORS = { users: ['root'], groups: ['wheel'] }

function mayWith(params: Readonly<Record<string, string>>) {
  const provider = {
    role: 'authorization',
    name: 'AclsAuthz',
    params: new Map(Object.entries(params)),
  } as const
  const authorize = createAclAuthorization(provider, ADMINISTRATORS, 't.xml')
  return (effective: string, groups: readonly string[] = [], address: string | undefined = '10.1.2.3') => {
    try {
      authorize(
        { ...requestFor('GET', '/x'), address },
        { name: 'primary', effective, groups, impersonated: false },
        'APIKEY',
      )
      return true
    } catch (error) {
      assert.ok(error instanceof KnoxRefusal)
      assert.deepEqual([error.status, error.shown], [403, undefined])
      return false
    }
  }
}

describe('access lists', () => {
  it('let everybody in where there is none', () => {
    assert.equal(mayWith({})('anybody'), true)
    assert.equal(mayWith({ 'webhdfs.acl': 'a;*;*' })('anybody'), true)
  })

  it('need users, groups and addresses at once, any being satisfied', () => {
    const may = mayWith({ 'apikey.acl': 'guest, sam;*;10.1.*' })
    assert.deepEqual(
      [may('guest'), may('sam'), may('tom'), may('guest', [], '10.2.0.1')],
      [true, true, false, false],
    )
    const grouped = mayWith({ 'apikey.acl': '*;analyst;*' })
    assert.deepEqual([grouped('x', ['analyst']), grouped('x', ['other']), grouped('x')], [true, false, false])
    assert.equal(mayWith({ 'apikey.acl': '*;*;10.1.2.3' })('x'), true)
  })

  it('need one of them in OR mode, where any satisfies nothing', () => {
    for (const mode of [{ 'acl.mode': 'OR' }, { 'apikey.acl.mode': 'or' }]) {
      const may = mayWith({ ...mode, 'apikey.acl': 'guest;analyst;*' })
      assert.deepEqual([may('guest'), may('x', ['analyst']), may('x', ['other'])], [true, true, false])
    }
  })

  it('look at whom it is done for, not at who was authenticated', () => {
    assert.equal(mayWith({ 'apikey.acl': 'primary;*;*' })('other'), false)
  })

  it('know the administrators of the gateway', () => {
    const may = mayWith({ 'apikey.acl': 'KNOX_ADMIN_USERS;*;*' })
    assert.deepEqual([may('root'), may('guest')], [true, false])
    assert.equal(mayWith({ 'apikey.acl': '*;KNOX_ADMIN_GROUPS;*' })('x', ['wheel']), true)
  })

  it('let nobody in whose address is not known, where addresses are listed', () => {
    const provider = {
      role: 'authorization',
      name: 'AclsAuthz',
      params: new Map([['apikey.acl', '*;*;10.*']]),
    } as const
    const authorize = createAclAuthorization(provider, ADMINISTRATORS, 't.xml')
    const principal = { name: 'a', effective: 'a', groups: [], impersonated: false }
    assert.throws(
      () => authorize({ ...requestFor('GET', '/x'), address: undefined }, principal, 'APIKEY'),
      KnoxRefusal,
    )
  })

  it('are refused when they have not three parts, or an unknown mode', () => {
    for (const params of [{ 'apikey.acl': 'guest' }, { 'apikey.acl': 'a;b;c;d' }, { 'acl.mode': 'XOR' }]) {
      assert.throws(() => mayWith(params), TopologyProblem)
    }
  })
})
