import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isForwarded, isLocalRequest } from './local-request.ts'

const HERE = { address: '127.0.0.1', loopback: true }
const HOST = { host: '127.0.0.1:7512' }

const isLocal = (headers: Readonly<Record<string, string | readonly string[]>>, httpVersion = '1.1') =>
  isLocalRequest(HERE, { headers, httpVersion })

test('sees every header by which a proxy shows itself', () => {
  for (const name of ['forwarded', 'via', 'x-real-ip', 'x-forwarded-for', 'x-forwarded-whatever']) {
    assert.equal(isForwarded({ host: 'h', [name]: 'x' }), true, name)
    assert.equal(isLocal({ ...HOST, [name]: 'x' }), false, name)
  }
  assert.equal(isForwarded({ host: 'h', 'x-forwarder': 'x' }), false)
})

test('takes a request for local when it calls this host by a name that only this host can have', () => {
  for (const host of [
    'localhost',
    'LOCALHOST:7512',
    'keys.localhost:1',
    '127.0.0.1:80',
    '0.0.0.0',
    '[::1]:7512',
  ]) {
    assert.equal(isLocal({ host }), true, host)
  }
})

test('does not take the peer for local when it is elsewhere, whatever its headers say', () => {
  assert.equal(
    isLocalRequest({ address: '192.0.2.1', loopback: false }, { headers: HOST, httpVersion: '1.1' }),
    false,
  )
})

test('is not fooled by a website whose name was made to mean this host', () => {
  for (const host of [
    'evil.test',
    'evil.test:7512',
    'localhost.evil.test',
    'evillocalhost',
    '127.0.0.1.evil.test',
    '',
  ]) {
    assert.equal(isLocal({ host }), false, host)
    assert.equal(isLocal({ host, origin: `http://${host}` }), false, host)
  }
  assert.equal(isLocal({}), false)
  assert.equal(isLocal({ host: ['localhost', 'evil.test'] }), false)
})

test('is not fooled by a website that has the browser of somebody on this host send requests', () => {
  for (const origin of [
    'https://evil.test',
    'http://192.0.2.1',
    'http://localhost.evil.test',
    'http://evil.test/http://localhost',
    'chrome-extension://localhost',
    'null',
    '',
  ]) {
    assert.equal(isLocal({ ...HOST, origin }), false, origin)
  }
  assert.equal(isLocal({ ...HOST, origin: ['http://localhost', 'https://evil.test'] }), false)
})

test('lets websites on this host ask: the console, and those that people develop', () => {
  for (const origin of [
    'http://127.0.0.1:7512',
    'http://localhost:5173',
    'https://app.localhost',
    'http://[::1]:3000',
  ]) {
    assert.equal(isLocal({ ...HOST, origin }), true, origin)
  }
  assert.equal(isLocal({ host: '0.0.0.0:7512', origin: 'http://0.0.0.0:7512' }), true)
})

test('takes HTTP 1.0 for the voice of a proxy that says no more', () => {
  assert.equal(isLocal(HOST, '1.0'), false)
})
