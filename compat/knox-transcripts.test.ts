import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import {
  askGateway,
  basic,
  KEY,
  type KnoxWorld,
  OWN_USERS,
  startKnox,
  topology,
  until,
} from './knox-world.ts'
import { ADMIN, createAdmin, startServer } from './running-server.ts'

/** As Knox's documentation of the API writes them. */
const ETERNAL = `<service>
    <role>APIKEY</role>
</service>`
const LIMITED = `<service>
    <role>APIKEY</role>
    <param>
        <name>apikey.knox.token.ttl</name>
        <value>74000</value>
    </param>
</service>`

const PATH = `/gateway/sandbox/${KEY}`

const hasCurl = spawnSync('curl', ['--version']).status === 0

type Transcript = { readonly status: number; readonly type: string; readonly body: string }

/** `curl -ivku USER:PASSWORD -X POST URL`, or the same request without curl where there is none. */
async function transcript(url: string, user: string, password: string): Promise<Transcript> {
  if (!hasCurl) {
    const response = await fetch(url, { method: 'POST', headers: basic(user, password) })
    const { status, headers } = response
    return { status, type: headers.get('content-type') ?? '', body: await response.text() }
  }
  const command = ['-ivku', `${user}:${password}`, '-X', 'POST', url]
  const { stdout } = await promisify(execFile)('curl', command)
  const [head = '', body = ''] = stdout.split('\r\n\r\n')
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]),
    type: /^content-type: (.*)$/im.exec(head)?.[1]?.trim() ?? '',
    body,
  }
}

function checkKey({ status, type, body }: Transcript, members: readonly string[]): Record<string, unknown> {
  assert.deepEqual([status, type], [200, 'application/json'])
  const answer: Record<string, unknown> = JSON.parse(body)
  assert.deepEqual(Object.keys(answer), members)
  // Compact, and nothing before or behind.
  assert.equal(body, JSON.stringify(answer))
  assert.match(String(answer['key_id']), /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  assert.match(String(answer['api_key']), /^[A-Za-z0-9+/]{131}=$/)
  return answer
}

describe("the transcripts of Knox's documentation", () => {
  let world: KnoxWorld
  before(async () => {
    world = await startKnox({ 'sandbox.xml': topology(OWN_USERS, ETERNAL) })
  })
  after(() => world.close())

  test('a key never expires by default, and says nothing of expiry', async () => {
    const answer = await transcript(world.server.url + PATH, 'guest', 'guest-password')
    checkKey(answer, ['key_id', 'api_key'])
  })

  test('a time to live of 74000 ms is one of 74 seconds, from when the file was written', async () => {
    world.write('sandbox.xml', topology(OWN_USERS, LIMITED))
    await until('the other topology', async () => {
      const status = await world.ask('GET', `sandbox/${KEY}/getTssStatus`, { headers: basic('guest') })
      return status.json.maximumLifetimeSeconds === '74'
    })
    const answer = await transcript(world.server.url + PATH, 'guest', 'guest-password')
    assert.equal(checkKey(answer, ['key_id', 'api_key', 'expires_in'])['expires_in'], 74)
  })

  test('a wrong password is challenged as by Knox, and gets no key', async () => {
    const { status, body } = await transcript(world.server.url + PATH, 'guest', 'wrong')
    assert.equal(status, 401)
    assert.equal(JSON.parse(body).message, 'Unauthorized')
    const { headers } = await world.ask('POST', `sandbox/${KEY}`, { headers: basic('guest', 'wrong') })
    assert.equal(headers.get('www-authenticate'), 'BASIC realm="application"')
  })
})

test('a fresh installation answers them too, to its own users', async (t) => {
  const server = await startServer()
  t.after(async () => {
    await server.stop()
    server.discard()
  })
  const early = await askGateway(server, 'POST', `sandbox/${KEY}`, { headers: basic('guest') })
  assert.equal(early.status, 401)
  await createAdmin(server)
  const answer = await transcript(server.url + PATH, ADMIN.username, ADMIN.password)
  checkKey(answer, ['key_id', 'api_key'])
  const byName = await askGateway(server, 'POST', `default/${KEY}`, {
    headers: basic(ADMIN.username, ADMIN.password),
  })
  assert.equal(byName.status, 200)
})
