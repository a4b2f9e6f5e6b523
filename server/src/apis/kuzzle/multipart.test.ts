import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KuzzleError } from './kuzzle-errors.ts'
import { FORM_LIMITS, parseMultipart } from './multipart.ts'

const TYPE = 'multipart/form-data; boundary=b'

function part(headers: string, content: string): string {
  return `--b\r\nContent-Disposition: form-data; ${headers}\r\n\r\n${content}\r\n`
}

function read(text: string, partBytesMax = 100) {
  return parseMultipart(Buffer.from(text), TYPE, partBytesMax)
}

describe('a multipart form', () => {
  it('becomes an object of texts and files', async () => {
    const form = `${part('name="description"', 'my key')}${part('name="f"; filename="a.txt"', 'hello')}--b--\r\n`
    assert.deepEqual(await read(form), {
      description: 'my key',
      f: { encoding: '7bit', file: Buffer.from('hello').toString('base64'), filename: 'a.txt' },
    })
  })

  it('keeps members with the names of object internals as they are', async () => {
    const form = await read(`${part('name="__proto__"', 'x')}--b--\r\n`)
    assert.deepEqual(Object.keys(form), ['__proto__'])
    assert.equal(Object.getPrototypeOf(form), Object.prototype)
  })

  it('with a part that is too large is refused', async () => {
    for (const headers of ['name="x"', 'name="f"; filename="a"']) {
      await assert.rejects(read(`${part(headers, 'y'.repeat(101))}--b--\r\n`), {
        id: 'network.http.file_too_large',
      })
    }
  })

  it('with too many parts is refused', async () => {
    const parts = Array.from({ length: FORM_LIMITS.parts + 2 }, (_, i) => part(`name="p${i}"`, '')).join('')
    await assert.rejects(read(`${parts}--b--\r\n`), { id: 'network.http.unexpected_error' })
  })

  it('that is none is refused', async () => {
    for (const text of ['', 'x', '--b', `${part('name="x"', 'cut off').slice(0, -4)}`]) {
      await assert.rejects(read(text), { id: 'network.http.unexpected_error' }, JSON.stringify(text))
    }
    const halfFile = part('name="f"; filename="a"', 'cut off').slice(0, -4)
    await assert.rejects(read(halfFile), { id: 'network.http.unexpected_error' })
    await assert.rejects(parseMultipart(Buffer.from('x'), 'multipart/form-data', 10), {
      id: 'network.http.unexpected_error',
    })
  })

  it('made of anything is read or refused, and never left without an answer', async () => {
    const piece = fc.constantFrom(
      '--b',
      '--b--',
      '\r\n',
      'Content-Disposition: form-data; name="x"',
      '; filename="f"',
      'x',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.boolean(), async (pieces, isForm) => {
        const text = pieces.join('')
        try {
          const form = isForm ? part('name="f"; filename="a"', text).slice(0, -2) + text : text
          assert.equal(typeof (await read(form)), 'object')
        } catch (error) {
          assert.ok(error instanceof KuzzleError, String(error))
        }
      }),
      { numRuns: 500 },
    )
  })
})
