import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KnoxRefusal } from '../knox-request.ts'
import type { Authenticated } from '../principal.ts'
import { requestFor } from '../testing/request-for.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import { createIdentityAssertion, ImpersonationRefused } from './identity-assertion.ts'

function assertion(name: string, params: Readonly<Record<string, string>>) {
  const provider = { role: 'identity-assertion', name, params: new Map(Object.entries(params)) } as const
  const assertIdentity = createIdentityAssertion(provider, 't.xml')
  return (caller: string, groups: readonly string[] = [], target = '/x', address = '10.1.2.3') =>
    assertIdentity(requestFor('POST', target, { address }), { name: caller, groups })
}

const IMPERSONATION = { 'hadoop.proxyuser.impersonation.enabled': 'true' }

describe('identity assertion', () => {
  it('leaves names as they are by default', async () => {
    assert.deepEqual(await assertion('Default', {})('Guest', ['a']), {
      name: 'Guest',
      effective: 'Guest',
      groups: ['a'],
      impersonated: false,
    })
  })

  it('maps principals and adds groups, the authenticated name staying the primary one', async () => {
    const mapped = assertion('Default', {
      'principal.mapping': 'guest,sam=analyst; tom = t ',
      'group.principal.mapping': '*=users;analyst=admin,users',
    })
    assert.deepEqual(await mapped('guest', ['own']), {
      name: 'guest',
      effective: 'analyst',
      groups: ['own', 'users', 'admin'],
      impersonated: false,
    })
    assert.deepEqual([(await mapped('tom')).effective, (await mapped('other')).effective], ['t', 'other'])
  })

  it('makes nobody another user of this server than the one who proved to be that, unless all names are users', async () => {
    const own = { name: 'Root', groups: [], trust: 'all' } as const
    const trustOf = async (
      name: string,
      caller: Authenticated,
      params: Readonly<Record<string, string>> = {},
      target = '/x',
    ) => {
      const provider = { role: 'identity-assertion', name, params: new Map(Object.entries(params)) } as const
      const assertIdentity = createIdentityAssertion(provider, 't.xml')
      const { effective, trust } = await assertIdentity(requestFor('POST', target, {}), caller)
      return [effective, trust]
    }
    assert.deepEqual(await trustOf('Default', own), ['Root', 'all'])
    assert.deepEqual(await trustOf('SwitchCase', own), ['root', 'ordinary'])
    const mapping = { 'principal.mapping': 'Root=admin' }
    assert.deepEqual(await trustOf('Default', own, mapping), ['admin', 'ordinary'])
    const proxies = {
      ...IMPERSONATION,
      'hadoop.proxyuser.Root.users': '*',
      'hadoop.proxyuser.Root.hosts': '*',
    }
    assert.deepEqual(await trustOf('Default', own, proxies, '/x?doAs=admin'), ['admin', 'ordinary'])
    assert.deepEqual(await trustOf('SwitchCase', { ...own, assertedTrust: 'all' }), ['root', 'all'])
    assert.deepEqual(await trustOf('SwitchCase', { ...own, assertedTrust: 'none' }), ['root', 'none'])
    assert.deepEqual(await trustOf('SwitchCase', { ...own, trust: 'none' }), ['root', 'none'])
  })

  it('puts text around names', async () => {
    const { effective } = await assertion('Concat', { 'concat.prefix': 'a-', 'concat.suffix': '@b' })('guest')
    assert.equal(effective, 'a-guest@b')
  })

  it('changes letters, to small ones unless told otherwise', async () => {
    assert.equal((await assertion('SwitchCase', {})('GuEst')).effective, 'guest')
    const upper = await assertion('SwitchCase', { 'principal.case': 'UPPER' })('guest', ['a'])
    assert.deepEqual([upper.effective, upper.groups], ['GUEST', ['A']])
    const mixed = await assertion('SwitchCase', {
      'principal.case': 'upper',
      'group.principal.case': 'none',
    })('g', ['aB'])
    assert.deepEqual([mixed.effective, mixed.groups], ['G', ['aB']])
  })

  it('takes names apart, and looks parts up', async () => {
    const params = { input: '(.*)@(.*?)\\..*', output: '{1}_{[2]}', lookup: 'us=USA;ca=CANADA' }
    const regex = assertion('Regex', params)
    assert.equal((await regex('member@us.apache.org')).effective, 'member_USA')
    assert.equal((await regex('member@de.apache.org')).effective, 'member_')
    assert.equal((await regex('no match')).effective, 'no match')
    const keeping = assertion('Regex', { ...params, 'use.original.on.lookup.failure': 'true' })
    assert.equal((await keeping('member@de.apache.org')).effective, 'member_de')
  })

  it('issues for somebody else only when impersonation is on: else doAs counts for nothing', async () => {
    const { effective, impersonated } = await assertion('Default', { 'hadoop.proxyuser.guest.users': '*' })(
      'guest',
      [],
      '/x?doAs=sam',
    )
    assert.deepEqual([effective, impersonated], ['guest', false])
  })

  it('lets those act for others whom a rule names, for whom and from where it says', async () => {
    const may = assertion('Default', {
      ...IMPERSONATION,
      'hadoop.proxyuser.guest.users': 'sam, tom',
      'hadoop.proxyuser.guest.hosts': '10.1.*',
      'hadoop.proxygroup.ops.users': '*',
      'hadoop.proxygroup.ops.hosts': '*',
      'hadoop.proxyuser.nobody.users': 'NONE',
      'hadoop.proxyuser.nobody.hosts': '*',
      'hadoop.proxyuser.my.name.users': 'sam',
      'hadoop.proxyuser.my.name.hosts': '*',
      'hadoop.proxyuser.lead.groups': 'analyst',
      'hadoop.proxyuser.lead.hosts': '*',
      'group.principal.mapping': 'sam=analyst',
    })
    const sam = await may('guest', ['own'], '/x?doAs=sam')
    assert.deepEqual(sam, {
      name: 'guest',
      effective: 'sam',
      // Groups of the caller are none of the target's.
      groups: ['analyst'],
      impersonated: true,
    })
    assert.equal((await may('x', ['ops'], '/x?doAs=anyone')).effective, 'anyone')
    assert.equal((await may('my.name', [], '/x?doAs=sam')).effective, 'sam')
    assert.equal((await may('lead', [], '/x?doAs=sam')).effective, 'sam')
    assert.equal((await may('guest', [], '/x?doAs=guest')).impersonated, false)
    const refused: [string, readonly string[], string, string, RegExp][] = [
      ['guest', [], 'admin', '10.1.2.3', /^User: guest is not allowed to impersonate admin$/],
      ['guest', [], 'sam', '10.2.2.3', /^Unauthorized connection for super-user: guest from IP 10\.2\.2\.3$/],
      ['nobody', [], 'sam', '10.1.2.3', /is not allowed to impersonate/],
      ['lead', [], 'tom', '10.1.2.3', /is not allowed to impersonate/],
      ['other', [], 'sam', '10.1.2.3', /is not allowed to impersonate/],
    ]
    for (const [caller, groups, target, address, expected] of refused) {
      await assert.rejects(
        () => may(caller, groups, `/x?doAs=${target}`, address),
        (error) => {
          assert.ok(error instanceof ImpersonationRefused)
          assert.match(error.shown ?? '', expected)
          assert.equal(JSON.parse(error.body).RemoteException.exception, 'AuthorizationException')
          return error.status === 403
        },
      )
    }
  })

  it('maps the name of somebody acted for as well', async () => {
    const may = assertion('Default', {
      ...IMPERSONATION,
      'hadoop.proxyuser.guest.users': '*',
      'hadoop.proxyuser.guest.hosts': '*',
      'principal.mapping': 'sam=analyst',
    })
    assert.equal((await may('guest', [], '/x?doAs=sam')).effective, 'analyst')
  })

  it('takes doAs from a body too, the query string coming first, but not from one that is passed on', async () => {
    const provider = {
      role: 'identity-assertion',
      name: 'Default',
      params: new Map(
        Object.entries({
          ...IMPERSONATION,
          'hadoop.proxyuser.guest.users': '*',
          'hadoop.proxyuser.guest.hosts': '*',
        }),
      ),
    } as const
    const assertIdentity = createIdentityAssertion(provider, 't.xml')
    const effective = async (target: string, body: string, type: string, streamed = false) => {
      const request = requestFor('POST', target, { body, headers: { 'content-type': type } })
      return (await assertIdentity({ ...request, streamed }, { name: 'guest', groups: [] })).effective
    }
    const form = 'application/x-www-form-urlencoded'
    assert.equal(await effective('/x', 'doAs=sam', form), 'sam')
    assert.equal(await effective('/x', '{"doAs":"sam"}', 'application/json'), 'sam')
    assert.equal(await effective('/x?doAs=tom', 'doAs=sam', form), 'tom')
    assert.equal(await effective('/x?doAs=tom', '["id"]', 'application/json'), 'tom')
    assert.equal(await effective('/x', '["id"]', 'application/json'), 'guest')
    assert.equal(await effective('/x', 'doAs=sam', form, true), 'guest')
  })

  it('refuses names to act for that are too long', async () => {
    const may = assertion('Default', IMPERSONATION)
    await assert.rejects(() => may('guest', [], `/x?doAs=${'x'.repeat(256)}`), KnoxRefusal)
  })

  it('is refused at start when a parameter cannot be understood', async () => {
    const cases: [string, Readonly<Record<string, string>>][] = [
      ['Default', { 'principal.mapping': 'guest' }],
      ['Default', { 'principal.mapping': '=x' }],
      ['Default', { 'group.principal.mapping': 'a=b=c' }],
      ['Default', { 'expression.principal.mapping': '(if true x)' }],
      ['Default', { 'group.mapping.admins': '(or true)' }],
      ['SwitchCase', { 'principal.case': 'camel' }],
      ['Regex', { input: '(' }],
      ['Regex', { input: 'a', lookup: 'x' }],
    ]
    for (const [name, params] of cases) {
      assert.throws(() => assertion(name, params), TopologyProblem, JSON.stringify(params))
    }
  })
})
