import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback, peerOf } from './peer.ts'

test('knows the loopback addresses in every form, and no others', () => {
  for (const address of ['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1', '::ffff:127.8.8.8']) {
    assert.equal(isLoopback(address), true, address)
  }
  for (const address of [
    '',
    '10.0.0.1',
    '::',
    '::ffff:10.0.0.1',
    '1127.0.0.1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
  ]) {
    assert.equal(isLoopback(address), false, address)
  }
})

test('gives one address per client, whether the socket speaks IPv4 or IPv6', () => {
  assert.deepEqual(peerOf({ remoteAddress: '::ffff:10.1.2.3' }), { address: '10.1.2.3', loopback: false })
  assert.deepEqual(peerOf({ remoteAddress: '127.0.0.1' }), { address: '127.0.0.1', loopback: true })
  assert.deepEqual(peerOf({ remoteAddress: undefined }), { address: '', loopback: false })
})
