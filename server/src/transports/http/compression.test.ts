import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync, inflateSync } from 'node:zlib'
import { chooseEncoding, encodeBody } from './compression.ts'

test('chooses what the client likes best, gzip on a tie, and identity when it likes none of ours', () => {
  const cases: [string | undefined, string][] = [
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip, deflate, br', 'gzip'],
    ['deflate, gzip', 'gzip'],
    ['deflate', 'deflate'],
    ['DEFLATE', 'deflate'],
    ['x-gzip', 'gzip'],
    ['gzip;q=0.5, deflate;q=0.8', 'deflate'],
    ['gzip;q=0, deflate', 'deflate'],
    ['gzip;q=0', 'identity'],
    ['*', 'gzip'],
    ['*;q=0', 'identity'],
    ['gzip;q=0, *', 'deflate'],
    ['br', 'identity'],
    ['identity, gzip;q=0.5', 'identity'],
    ['identity;q=0.2, gzip;q=0.5', 'gzip'],
    ['identity;q=0', 'identity'],
    ['gzip; q=1.000 ', 'gzip'],
    ['gzip;q=x, deflate;q=0.1', 'deflate'],
    ['gzip;q=-1', 'identity'],
    [';;;,,,q=1', 'identity'],
  ]
  for (const [header, expected] of cases) assert.equal(chooseEncoding(header), expected, header)
})

test('packs a body so that it unpacks to the same bytes', async () => {
  const body = 'häuser '.repeat(100)
  const zipped = await encodeBody(body, 'gzip')
  assert.equal(gunzipSync(zipped.bytes).toString(), body)
  const deflated = await encodeBody(Buffer.from(body), 'deflate')
  assert.equal(inflateSync(deflated.bytes).toString(), body)
  assert.deepEqual(await encodeBody('ä', undefined), { bytes: Buffer.from('ä'), encoding: 'identity' })
})
