import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { KEY, type KnoxWorld, service, startKnox, TOKENS, topology } from './knox-world.ts'

const PROXY = `<provider><role>federation</role><name>HeaderPreAuth</name><enabled>true</enabled></provider>`
const CORS = `<provider><role>webappsec</role><name>WebAppSec</name><enabled>true</enabled>
<param><name>xframe.options.enabled</name><value>true</value></param></provider>`

describe('who asks KNOX-AUTH-SERVICE, on the fast lane and past it', () => {
  let world: KnoxWorld

  before(async () => {
    world = await startKnox({
      'issue.xml': topology(PROXY, service('APIKEY')),
      'check.xml': topology(
        TOKENS + CORS,
        service('KNOX-AUTH-SERVICE', { 'auth.header.key.details': 'true' }) + service('APIKEY'),
      ),
    })
  })
  after(() => world.close())

  /** The whole answer but for what tells the time or one request from another. */
  function raw(path: string, headers: string): Promise<string> {
    const { host, port } = world.server
    return new Promise((resolve, reject) => {
      let text = ''
      const socket = connect(port, host, () =>
        socket.write(`GET /gateway/${path} HTTP/1.1\r\nHost: ${host}:${port}\r\n${headers}\r\n`),
      )
      socket.setEncoding('utf8').on('data', (part: string) => {
        text += part
        const [head = '', body = ''] = text.split('\r\n\r\n')
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN)
        if (Buffer.byteLength(body) < length) return
        socket.destroy()
        const lines = head.split('\r\n').filter((line) => !/^(?:date|keep-alive|connection):/i.test(line))
        resolve([lines[0], ...lines.slice(1).sort(), '', body].join('\n'))
      })
      socket.once('error', reject)
      socket.once('end', () => reject(new Error(`The answer ended: ${text}`)))
    })
  }

  test('is answered alike', async () => {
    const { json } = await world.ask('POST', `issue/${KEY}`, { headers: { sm_user: 'jörg, 100 %' } })
    const good = `Authorization: Bearer ${json.api_key}\r\n`
    const asked: readonly (readonly [path: string, headers: string, status: number])[] = [
      ['check/auth/api/v1/pre', good, 200],
      ['check/auth/api/v1/pre?doAs=root', good, 200],
      ['check/auth/api/v1/extauthz', good, 200],
      ['check/auth/api/v1/pre', 'X-API-Key: nonsense\r\n', 401],
      ['check/auth/api/v1/pre', 'Accept: text/html\r\nAuthorization: Basic !\r\n', 401],
      ['check/auth/api/v1/pre', '', 401],
      ['check/auth/api/v1/extauthz/more', good, 404],
      ['gone/auth/api/v1/pre', good, 404],
    ]
    for (const [path, headers, status] of asked) {
      const onLane = await raw(path, headers)
      // The lane leaves requests with this header to node:http.
      const past = await raw(path, `${headers}TE: trailers\r\n`)
      assert.equal(onLane, past)
      assert.match(onLane, new RegExp(`^HTTP/1.1 ${status} `), path)
    }
    const answer = await raw('check/auth/api/v1/pre', good)
    assert.match(answer, /^X-Knox-Actor-ID: j(?:%C3%B6|%C3%83%C2%B6)rg, 100 %25$/m)
    assert.match(answer, /^X-Frame-Options: DENY$/m)
  })
})
