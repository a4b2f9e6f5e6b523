import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HttpRequest } from '../../transports/http/http-message.ts'
import { printErrorPage } from './error-page.ts'

function requestOf(accept?: string): HttpRequest {
  return {
    method: 'GET',
    path: '/gateway/sandbox/x',
    query: 'secret=1',
    headers: accept === undefined ? {} : { accept },
    address: '127.0.0.1',
    local: true,
    id: 'r1',
    isGone: false,
    stream: () => {
      throw new Error('The request of this test has no stream')
    },
    readBody: () => Promise.resolve({ ok: true, bytes: new Uint8Array() }),
  }
}

const PAGE = { status: 401, message: 'Unknown token: a...b', topology: 'sandbox' }

describe('an error page', () => {
  it('is JSON as the servlet container prints it, also for those who take anything', () => {
    for (const accept of [
      undefined,
      '*/*',
      'application/json',
      'application/json;q=0.5, text/html',
      'image/png',
    ]) {
      const reply = printErrorPage(requestOf(accept), PAGE)
      assert.equal(
        reply.body,
        '{\n"servlet":"sandbox-knox-gateway-servlet",\n"message":"Unknown token: a...b",\n"url":"/gateway/sandbox/x",\n"status":"401"\n}',
      )
      assert.deepEqual([reply.status, reply.headers['Content-Type']], [401, 'application/json'])
      assert.equal(reply.headers['Cache-Control'], 'must-revalidate,no-cache,no-store')
    }
  })

  it('is HTML for browsers, in which nothing of the request is markup', () => {
    const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
    const request = { ...requestOf(browser), path: '/<script>' }
    const reply = printErrorPage(request, { ...PAGE, message: '<b>\u00e9"' })
    const body = String(reply.body)
    assert.equal(reply.headers['Content-Type'], 'text/html;charset=iso-8859-1')
    assert.match(body, /<title>Error 401 &#60;b&#62;&#233;&#34;<\/title>/)
    assert.match(body, /<h2>HTTP ERROR 401 &#60;b&#62;/)
    assert.match(body, /<tr><th>URI:<\/th><td>\/&#60;script&#62;<\/td><\/tr>/)
    assert.doesNotMatch(body, /<script>|<b>/)
  })

  it('is plain text on demand', () => {
    const reply = printErrorPage(requestOf('text/plain'), PAGE)
    assert.deepEqual(String(reply.body).split('\n'), [
      'HTTP ERROR 401 Unknown token: a...b',
      'URI: /gateway/sandbox/x',
      'STATUS: 401',
      'MESSAGE: Unknown token: a...b',
      'SERVLET: sandbox-knox-gateway-servlet',
      '',
    ])
  })

  it('says the name of the status when there is nothing more to say, and takes headers along', () => {
    const reply = printErrorPage(requestOf(), {
      status: 403,
      message: undefined,
      topology: 't',
      headers: { 'WWW-Authenticate': 'Bearer' },
    })
    assert.match(String(reply.body), /"message":"Forbidden"/)
    assert.equal(reply.headers['WWW-Authenticate'], 'Bearer')
  })
})
