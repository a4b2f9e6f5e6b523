import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { describe, test } from 'node:test'
import { createArgon2Hasher } from './argon2-hasher.ts'
import { parseKuzzlePassword, printKuzzlePassword } from './kuzzle-password.ts'
import { createNodeRandomness } from './node-randomness.ts'

describe('createNodeRandomness', () => {
  test('gives as many bytes as asked for, also across and beyond its block, and never the same twice', () => {
    const randomness = createNodeRandomness()
    const seen = new Set<string>()
    for (let i = 0; i < 2_000; i++) seen.add(Buffer.from(randomness.bytes(20)).toString('hex'))
    assert.equal(seen.size, 2_000)
    for (const text of seen) assert.equal(text.length, 40)
    for (const count of [0, 1, 4_095, 4_096, 4_097, 10_000])
      assert.equal(randomness.bytes(count).length, count)
    assert.ok(randomness.bytes(10_000).some((byte) => byte !== 0))
  })

  test('gives bytes that a later draw does not change', () => {
    const randomness = createNodeRandomness()
    const first = randomness.bytes(32)
    const copy = Uint8Array.from(first)
    for (let i = 0; i < 300; i++) randomness.bytes(32)
    assert.deepEqual(first, copy)
    assert.ok(copy.some((byte) => byte !== 0))
  })
})

describe('the argon2 hasher', () => {
  const hasher = createArgon2Hasher(createNodeRandomness())

  test('accepts the password that was hashed and no other, and stores its parameters with the hash', async () => {
    const stored = await hasher.hash('correct horse')
    assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    assert.equal(await hasher.verify('correct horse', stored), true)
    assert.equal(await hasher.verify('correct horse ', stored), false)
    assert.equal(hasher.isOutdated(stored), false)
    assert.notEqual(await hasher.hash('correct horse'), stored)
  })

  test('refuses every password where there is no hash, after the same kind of work', async () => {
    const started = performance.now()
    for (let i = 0; i < 5; i++) assert.equal(await hasher.verify('anything', undefined), false)
    const withoutHash = performance.now() - started
    const stored = await hasher.hash('right')
    const restarted = performance.now()
    for (let i = 0; i < 5; i++) assert.equal(await hasher.verify('wrong', stored), false)
    const withHash = performance.now() - restarted
    // Without work it would take a thousandth; the wide bound is for a machine that is busy with other things.
    assert.ok(withoutHash > withHash / 10, `${withoutHash} ms without a hash, ${withHash} ms with one`)
  })

  test('accepts what Kuzzle hashed and calls it outdated', async () => {
    const salt = 'ab'.repeat(128)
    const hash = pbkdf2Sync('melis123', salt, 10_000, 512, 'sha512')
    const stored = printKuzzlePassword({ salt, hash })
    assert.deepEqual(parseKuzzlePassword(stored), { salt, hash })
    assert.equal(await hasher.verify('melis123', stored), true)
    assert.equal(await hasher.verify('melis124', stored), false)
    assert.equal(hasher.isOutdated(stored), true)
    assert.equal(hasher.isOutdated('$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$aGFzaA'), true)
  })

  test('reads nothing into text that only resembles a Kuzzle hash', () => {
    const hash = 'a'.repeat(1024)
    for (const text of [
      '',
      '$kuzzle-pbkdf2$',
      `$kuzzle-pbkdf2$a=sha512,i=1,l=512$YQ==$${hash}`,
      `$kuzzle-pbkdf2$a=md5,i=10000,l=512$YQ==$${hash}`,
      `$kuzzle-pbkdf2$a=sha512,i=10000,l=512$YQ==$${hash.slice(2)}`,
      `$kuzzle-pbkdf2$a=sha512,i=10000,l=512$${Buffer.from('s'.repeat(1_025)).toString('base64')}$${hash}`,
    ]) {
      assert.equal(parseKuzzlePassword(text), undefined, text.slice(0, 60))
    }
  })

  test('refuses work beyond its bound at once, and serves again when the rest is done', async () => {
    const narrow = createArgon2Hasher(createNodeRandomness(), { atOnceMax: 1, waitingMax: 2 })
    const results = await Promise.allSettled(
      ['a', 'b', 'c', 'd', 'e'].map((password) => narrow.hash(password)),
    )
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
    )
    for (const result of results.slice(3)) {
      assert.equal(result.status === 'rejected' && result.reason.code, 'server.overloaded')
    }
    await assert.doesNotReject(narrow.hash('f'))
  })

  test('survives a stored hash that is damaged', async () => {
    await assert.rejects(hasher.verify('x', 'no hash at all'))
    assert.equal(await hasher.verify('x', await hasher.hash('x')), true)
  })
})
