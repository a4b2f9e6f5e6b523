import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  basic,
  bearer,
  KEY,
  type KnoxWorld,
  params,
  service,
  startKnox,
  TOKENS,
  topology,
} from './knox-world.ts'
import { type LdapServer, startDirectory, whyNoDirectory } from './ldap-server.ts'

/** As in Knox's sandbox topology. */
function directory({ url, userDnTemplate }: Pick<LdapServer, 'url' | 'userDnTemplate'>): string {
  return `<provider>
            <role>authentication</role>
            <name>ShiroProvider</name>
            <enabled>true</enabled>
            ${params({
              sessionTimeout: '30',
              'main.ldapRealm': 'org.apache.knox.gateway.shirorealm.KnoxLdapRealm',
              'main.ldapContextFactory': 'org.apache.knox.gateway.shirorealm.KnoxLdapContextFactory',
              'main.ldapRealm.contextFactory': '$ldapContextFactory',
              'main.ldapRealm.userDnTemplate': userDnTemplate,
              'main.ldapRealm.contextFactory.url': url,
              'main.ldapRealm.contextFactory.authenticationMechanism': 'simple',
              'urls./**': 'authcBasic',
            })}
        </provider>`
}

describe('keys for people of an LDAP directory', { skip: whyNoDirectory() ?? false }, () => {
  let ldap: LdapServer
  let world: KnoxWorld

  before(async () => {
    ldap = await startDirectory(['guest', 'admin', 'sam', 'tom', 'lee, ann'])
    const unlimited = service('APIKEY', { 'apikey.knox.token.limit.per.user': '-1' })
    world = await startKnox(
      {
        'sandbox.xml': topology(directory(ldap), unlimited),
        'check.xml': topology(TOKENS, service('KNOX-AUTH-SERVICE', { 'ignore.additional.path': 'false' })),
      },
      // As in a default installation: who shows the right password is not held up by it.
      {
        LATCHKEY_LIMITS_LOGINS_PER_SECOND: '1',
        LATCHKEY_LIMITS_LOGINS_PER_SECOND_PER_ADDRESS: '10',
      },
    )
  })
  after(async () => {
    await world?.close()
    await ldap?.discard()
  })

  const issue = (name: string, password?: string) =>
    world.ask('POST', `sandbox/${KEY}`, { headers: basic(name, password) })

  /** Keys that exist, as the administrator lists them. */
  const keysOf = async (name: string): Promise<number> => {
    const { json } = await world.ask('GET', `sandbox/${KEY}/getUserTokens?userName=${name}`, {
      headers: basic('admin'),
    })
    return json.tokens.length
  }

  test('guest:guest-password issues a key, as often as it likes', async () => {
    for (let count = 0; count < 20; count++) {
      const { status, json } = await issue('guest')
      assert.deepEqual([status, Object.keys(json)], [200, ['key_id', 'api_key']])
      const pre = await world.ask('GET', 'check/auth/api/v1/pre', { headers: bearer(json.api_key) })
      assert.equal(pre.headers.get('x-knox-actor-id'), 'guest')
    }
    assert.equal(await keysOf('guest'), 20)
  })

  test('a wrong password is challenged and gets no key, and neither do nobody and no password', async () => {
    const before = await keysOf('sam')
    for (const [name, password] of [
      ['sam', 'wrong'],
      ['sam', ''],
      ['nobody', 'nobody-password'],
      // Distinguished names of its own making lead nowhere.
      ['sam,ou=people,dc=hadoop,dc=apache,dc=org', 'sam-password'],
    ] as const) {
      const { status, headers, json } = await issue(name, password)
      assert.deepEqual([status, json.message], [401, 'Unauthorized'], name)
      assert.equal(headers.get('www-authenticate'), 'BASIC realm="application"')
    }
    assert.equal(await keysOf('sam'), before)
  })

  test('names that need escaping in a distinguished name are the names they are', async () => {
    assert.equal((await issue('lee, ann')).status, 200)
  })

  test('a person has one name, and by blanks that the directory does not see no more keys than others', async () => {
    const people = await Promise.all(
      ['guest ', ' guest', 'guest\u00a0'].map((name) => issue(name, 'guest-password')),
    )
    assert.deepEqual(
      people.map(({ status }) => status),
      [401, 401, 401],
    )
  })

  test('guesses that come too fast are not even asked of the directory', async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, count) => issue('tom', `guess ${count}`)),
    )
    assert.deepEqual([...new Set(answers.map(({ status }) => status))].sort(), [401, 429])
  })

  test('a directory that is down gives 503 and no key, and is asked again once it is back', async () => {
    const before = await keysOf('guest')
    await ldap.stop()
    const down = await issue('guest')
    assert.deepEqual([down.status, down.headers.get('retry-after')], [503, '5'])
    assert.equal(down.json.message, 'The directory of users does not answer')
    await ldap.start()
    assert.equal(await keysOf('guest'), before)
    assert.equal((await issue('guest')).status, 200)
  })
})
