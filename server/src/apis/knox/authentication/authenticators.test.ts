import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KnoxRefusal } from '../knox-request.ts'
import { requestFor } from '../testing/request-for.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import { shownCredentials } from './basic-credentials.ts'
import { createHeaderPreAuth } from './header-pre-auth.ts'
import { createLdapRealm, escapeDn, namesDirectory } from './ldap-realm.ts'
import { createDirectoryCheck, createShiro } from './shiro.ts'
import { createUrlRules } from './url-rules.ts'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

async function refusalOf(work: Promise<unknown>): Promise<KnoxRefusal> {
  const error: unknown = await work.then(
    () => assert.fail('it was let in'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof KnoxRefusal, String(error))
  return error
}

describe('the header Authorization', () => {
  const shown = (authorization?: string) =>
    shownCredentials(
      requestFor('GET', '/x', authorization === undefined ? {} : { headers: { authorization } }).http,
    )

  it('is read in any case, and only in one spelling', () => {
    assert.deepEqual(shown(), { kind: 'none' })
    assert.deepEqual(shown(basic('guest:a:b')), { kind: 'basic', username: 'guest', password: 'a:b' })
    assert.deepEqual(shown(basic('gu\u00e9:').replace('Basic', 'bAsIc')), {
      kind: 'basic',
      username: 'gu\u00e9',
      password: '',
    })
    assert.deepEqual(shown('bearer  x.y '), { kind: 'bearer', token: 'x.y' })
    for (const bad of [
      'Basic',
      'Basic ',
      'Basic !!!',
      basic('no colon'),
      basic('guest:secret').slice(0, -1),
      `Basic ${Buffer.from([0x66, 0xff, 0x3a]).toString('base64')}`,
      'Bearer',
      'Negotiate x',
      '',
    ]) {
      assert.deepEqual(shown(bad), { kind: 'malformed' }, bad)
    }
  })
})

describe('the rules for URLs', () => {
  const rules = (params: Readonly<Record<string, string>>) =>
    createUrlRules(new Map(Object.entries(params)), 't.xml')

  it('are those of Ant, the first that matches counting', () => {
    const rule = rules({
      'urls./open/*': 'anon',
      'urls./f?o.x': 'anon',
      'urls./a/**/z': 'anon',
      'urls./**': ' authcBasic ',
    })
    for (const path of ['/open/x', '/open/', '/foo.x', '/a/z', '/a/b/c/z'])
      assert.equal(rule(path), 'anon', path)
    for (const path of ['/open/x/y', '/foo-x', '/fooo.x', '/a/z/b', '/', '/x']) {
      assert.equal(rule(path), 'authcBasic', path)
    }
    assert.equal(rules({ 'urls./a': 'anon' })('/b'), undefined)
  })

  it('must be there, and be known', () => {
    assert.throws(() => rules({}), TopologyProblem)
    assert.throws(() => rules({ 'urls./**': 'authcBasic, roles[admin]' }), TopologyProblem)
  })
})

describe('ShiroProvider', () => {
  const rules = createUrlRules(
    new Map([
      ['urls./open', 'anon'],
      ['urls./x/**', 'authcBasic'],
    ]),
    't.xml',
  )
  const authenticate = createShiro(rules, (_request, username, password) =>
    Promise.resolve(password === 'right' ? { name: username, groups: ['g'] } : undefined),
  )
  const ask = (path: string, authorization?: string) =>
    authenticate(requestFor('POST', path, authorization === undefined ? {} : { headers: { authorization } }))

  it('lets in who shows the right password, and anybody where nothing is needed', async () => {
    assert.deepEqual(await ask('/x/y', basic('guest:right')), { name: 'guest', groups: ['g'] })
    assert.deepEqual(await ask('/open'), { name: 'anonymous', groups: [], trust: 'none' })
  })

  it('challenges everybody else, also where no rule is: Knox answers 500 there', async () => {
    for (const [path, authorization] of [
      ['/x/y', undefined],
      ['/x/y', basic('guest:wrong')],
      ['/x/y', 'Basic !'],
      ['/x/y', 'Bearer right'],
      ['/elsewhere', undefined],
    ] as const) {
      const refusal = await refusalOf(ask(path, authorization))
      assert.deepEqual(
        [refusal.status, refusal.headers],
        [401, { 'WWW-Authenticate': 'BASIC realm="application"' }],
      )
    }
  })

  it('knows a person by one name, whatever else a directory takes for it', async () => {
    for (const name of [
      ' guest',
      'guest ',
      'guest\t',
      'gu  est',
      'gue\u0000st',
      'gu\u00adest',
      'guest\u200b',
      ' ',
    ]) {
      const refusal = await refusalOf(ask('/x/y', basic(`${name}:right`)))
      assert.deepEqual([refusal.status, refusal.shown], [401, undefined], JSON.stringify(name))
    }
    assert.equal((await ask('/x/y', basic('lee, ann:right')))?.name, 'lee, ann')
  })

  it('says when the directory is down', async () => {
    const check = (outcome: 'right' | 'wrong' | 'unavailable') =>
      createDirectoryCheck(() => Promise.resolve(outcome))(requestFor('POST', '/x'), 'guest', 'p')
    assert.deepEqual(await check('right'), { name: 'guest', groups: [] })
    assert.equal(await check('wrong'), undefined)
    const down = await refusalOf(check('unavailable'))
    assert.deepEqual([down.status, down.headers['Retry-After']], [503, '5'])
  })
})

describe('a directory', () => {
  const params = (more: Readonly<Record<string, string>> = {}) =>
    new Map(
      Object.entries({
        'main.ldapRealm': 'org.apache.knox.gateway.shirorealm.KnoxLdapRealm',
        'main.ldapRealm.userDnTemplate': 'uid={0},ou=people,dc=hadoop',
        'main.ldapRealm.contextFactory.url': 'ldap://127.0.0.1:1',
        ...more,
      }),
    )

  it('puts names into distinguished names so that they stay names', () => {
    assert.equal(escapeDn('guest'), 'guest')
    assert.equal(escapeDn('a,ou=admins+b=c'), 'a\\,ou\\=admins\\+b\\=c')
    assert.equal(escapeDn(' #a "\\<>; '), '\\ #a \\"\\\\\\<\\>\\;\\ ')
    assert.equal(escapeDn('#a\0'), '\\#a\\00')
  })

  it('never binds without a name or password, which would succeed for everybody', async () => {
    const realm = createLdapRealm(params(), 't.xml')
    assert.equal(await realm.bind('guest', ''), 'wrong')
    assert.equal(await realm.bind('', 'x'), 'wrong')
  })

  it('is unavailable when nobody answers', async () => {
    assert.equal(await createLdapRealm(params(), 't.xml').bind('guest', 'x'), 'unavailable')
  })

  it('is refused at start when its parameters are wrong', () => {
    for (const wrong of [
      { 'main.ldapRealm.userDnTemplate': 'uid=guest' },
      { 'main.ldapRealm.contextFactory.url': 'http://x' },
      { 'main.ldapRealm.contextFactory.url': '' },
      { 'main.ldapRealm.contextFactory.authenticationMechanism': 'digest-md5' },
    ]) {
      assert.throws(() => createLdapRealm(params(wrong), 't.xml'), TopologyProblem, JSON.stringify(wrong))
    }
  })
})

describe('the realm of a ShiroProvider', () => {
  const names = (params: Readonly<Record<string, string>>) =>
    namesDirectory(new Map(Object.entries(params)), 't.xml')

  it('is a directory or this server', () => {
    assert.equal(names({ 'urls./**': 'authcBasic' }), false)
    assert.equal(
      names({
        'main.ldapRealm': 'org.apache.knox.gateway.shirorealm.KnoxLdapRealm',
        'main.ldapContextFactory': 'org.apache.knox.gateway.shirorealm.KnoxLdapContextFactory',
        'main.ldapRealm.contextFactory': '$ldapContextFactory',
      }),
      true,
    )
  })

  it("is refused when it is another: its passwords are not this server's", () => {
    for (const params of [
      {
        'main.pamRealm': 'org.apache.knox.gateway.shirorealm.KnoxPamRealm',
        'main.pamRealm.service': 'login',
      },
      { 'main.ldapRealm': 'org.apache.shiro.realm.activedirectory.ActiveDirectoryRealm' },
    ]) {
      assert.throws(() => names(params), TopologyProblem)
    }
  })
})

describe('HeaderPreAuth', () => {
  const provider = (params: Readonly<Record<string, string>>) =>
    ({ role: 'federation', name: 'HeaderPreAuth', params: new Map(Object.entries(params)) }) as const
  const ask = (
    params: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>>,
    address = '127.0.0.1',
  ) => {
    const authenticate = createHeaderPreAuth(provider(params), 't.xml')
    return Promise.resolve().then(() => authenticate(requestFor('POST', '/x', { headers, address })))
  }

  it('believes the header of the proxy', async () => {
    assert.deepEqual(await ask({}, { sm_user: 'guest' }), { name: 'guest', groups: [] })
    const params = { 'preauth.custom.header': 'X-User', 'preauth.custom.group.header': 'X-G, X-H' }
    assert.deepEqual(await ask(params, { 'x-user': ' sam ', 'x-g': 'a, b', 'x-h': 'b,c' }), {
      name: 'sam',
      groups: ['a', 'b', 'c'],
    })
  })

  it('refuses without it, or from elsewhere', async () => {
    const missing = await refusalOf(ask({}, {}))
    assert.deepEqual(
      [missing.status, missing.shown],
      [403, 'Missing Required Header for PreAuth SSO Federation'],
    )
    const params = {
      'preauth.validation.method': 'preauth.ip.validation',
      'preauth.ip.addresses': '127.0.*, 10.0.0.1',
    }
    assert.equal((await ask(params, { sm_user: 'guest' }, '127.0.0.9'))?.name, 'guest')
    const elsewhere = await refusalOf(ask(params, { sm_user: 'guest' }, '10.0.0.2'))
    assert.deepEqual([elsewhere.status, elsewhere.shown], [403, 'SSO Validation Failure.'])
  })

  it('is refused at start when the validation is not offered, or knows no addresses', () => {
    for (const params of [
      { 'preauth.validation.method': 'preauth.k8s.service.account.validation' },
      { 'preauth.validation.method': 'preauth.ip.validation' },
    ]) {
      assert.throws(() => createHeaderPreAuth(provider(params), 't.xml'), TopologyProblem)
    }
  })
})
