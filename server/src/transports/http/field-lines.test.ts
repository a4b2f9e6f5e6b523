import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { exchange } from '../contract/raw-socket.ts'
import { openHttpListener } from './http-listener.ts'
import type { FieldLines, HttpHandler } from './http-message.ts'

async function open(t: TestContext, handler: HttpHandler): Promise<number> {
  const listener = await openHttpListener({
    host: '127.0.0.1',
    port: 0,
    handler,
    overloaded: () => ({ status: 503, headers: {}, body: '' }),
    onError: (error) => assert.fail(String(error)),
    limits: { drainTimeoutMs: 100 },
  })
  t.after(() => listener.close())
  return listener.port
}

const GET = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'

describe('fields behind an answer', () => {
  it('are sent where the body goes in chunks, but for those that no field can be', async (t) => {
    const lines: FieldLines = [
      ...['X-Good', 'a b', 'X Bad', '1', 'X-Break', 'a\r\nX-Smuggled: 1', '', 'none', 'X-Delete', '\u007f'],
      ...['X-Wide', '\u2603', 'X-Odd'],
    ]
    for (const [length, expected] of [
      [undefined, /\r\n0\r\nX-Good: a b\r\n\r\n$/],
      ['2', /\r\n\r\nok$/],
    ] as const) {
      const port = await open(t, () => ({
        status: 200,
        headers: length === undefined ? {} : { 'Content-Length': length },
        body: Readable.from([Buffer.from('ok')]),
        trailers: { announced: ['X-Good'], lines: () => lines },
      }))
      const answer = await exchange(port, GET)
      assert.match(answer, expected)
      assert.equal(answer.includes('Trailer: X-Good'), length === undefined)
    }
  })
})

describe('what is told before an answer', () => {
  it('is never told after it, and nothing in it can be another field', async (t) => {
    let late = (): void => {}
    const port = await open(t, (request) => {
      const { inform, body } = request.stream({ bytesMax: 1, silenceMsMax: 10_000 })
      body.on('error', () => {})
      inform(103, { Link: ['</a>', '</b>'], 'X-Break': 'a\r\nX-Smuggled: 1', 'X Bad': '1' })
      late = () => inform(103, { Link: '</late>' })
      const answer = Readable.from(
        (async function* () {
          yield Buffer.from('one,')
          late()
          yield Buffer.from('two')
        })(),
      )
      return { status: 200, headers: { 'Content-Length': '7' }, body: answer }
    })
    const answer = await exchange(port, GET)
    assert.match(
      answer,
      /^HTTP\/1.1 103 Early Hints\r\nLink: <\/a>\r\nLink: <\/b>\r\n\r\nHTTP\/1.1 200 OK\r\n.*\r\n\r\none,two$/s,
    )
    late()
  })
})
