import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { Storage } from '../../core/ports/storage.ts'
import { aKey, anEvent, keyId, numbers, revokeKey } from '../contract/records.ts'
import { openStorage } from '../open-storage.ts'
import { KEY_CHANGES_KEPT } from './key-news.ts'

describe('news of keys between two connections to one file', () => {
  let folder: string
  let path: string
  let ours: Storage
  let theirs: Storage

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-news-'))
    path = join(folder, 'x.db')
    ours = await openStorage(`sqlite:${path}`)
    theirs = await openStorage(`sqlite:${path}`)
  })
  afterEach(async () => {
    await ours.close()
    await theirs.close()
    rmSync(folder, { recursive: true })
  })

  const event = anEvent('key.update')
  const describeKey = (storage: Storage, id: string, description: string) =>
    storage.keys.update(keyId(id), (key) => ({ ...key, description }), event)
  const insert = (id: string) => ours.keys.insert(aKey(id, '-1'), undefined, anEvent('key.create'))
  const see = (id: string) => ours.keys.lookUp(aKey(id, '-1').fingerprint)
  const descriptionOf = async (id: string) => (await see(id))?.key.description
  const rowsOfFeed = () => {
    const file = new DatabaseSync(path)
    const row = file.prepare('SELECT count(*) AS n, max(sequence) AS last FROM key_changes').get()
    file.close()
    return { count: Number(row?.['n']), last: Number(row?.['last']) }
  }

  test('are about the keys that changed: all others stay the identical objects', async () => {
    for (const id of ['a', 'b']) await insert(id)
    const [a, b] = [await see('a'), await see('b')]
    assert.ok(a !== undefined && b !== undefined)
    await describeKey(theirs, 'a', 'theirs')
    assert.equal(await descriptionOf('a'), 'theirs')
    assert.equal(await see('b'), b)
  })

  test('are none when others only use keys, make new ones, or do something else', async () => {
    await ours.keys.insert(aKey('a', '-1', { policy: { credits: { initial: 9 } } }), undefined, event)
    const before = await see('a')
    assert.ok(before !== undefined)
    await theirs.keys.spend(keyId('a'), 1, 2_000)
    await theirs.keys.noteUses([{ id: keyId('a'), since: 5_000, lastUsedAt: 5_000, days: new Map() }])
    await theirs.keys.insert(aKey('b', '-1'), undefined, event)
    await theirs.audit.append([event])
    assert.equal(await see('a'), before)
    assert.equal(rowsOfFeed().count, 0)
  })

  test('of our own are no news to us', async () => {
    await insert('a')
    await describeKey(ours, 'a', 'ours')
    const before = await see('a')
    await describeKey(theirs, 'a', 'theirs')
    await describeKey(ours, 'a', 'ours again')
    const after = await see('a')
    assert.notEqual(after, before)
    await theirs.audit.append([event])
    assert.equal(await see('a'), after)
  })

  test('tell of new keys who remembers that there was none, and of old ones that are good again', async () => {
    for (const n of numbers(5)) {
      assert.equal(await see(`k${n}`), undefined)
      await theirs.keys.insert(aKey(`k${n}`, '-1'), undefined, event)
      assert.equal((await see(`k${n}`))?.key.id, `k${n}`)
      await revokeKey(theirs.keys, `k${n}`)
      assert.notEqual((await see(`k${n}`))?.revocation, undefined)
      await theirs.keys.restore(keyId(`k${n}`), { revokedSince: 0 }, event)
      assert.equal((await see(`k${n}`))?.revocation, undefined)
    }
  })

  test('never make a store that keeps few keys in memory answer anything else', async () => {
    const small = await openStorage(`sqlite:${path}`, { keysInMemoryMax: 2 })
    const ids = numbers(10).map((n) => `k${n}`)
    for (const id of ids) await insert(id)
    for (const round of numbers(3)) {
      for (const id of ids) {
        const found = await small.keys.lookUp(aKey(id, '-1').fingerprint)
        assert.equal(found?.key.description, round === 0 ? `key ${id}` : `${round}`)
        await describeKey(ours, id, `${round + 1}`)
      }
    }
    await small.close()
  })

  test('are kept up to a bound; who missed some reads everything again', { timeout: 120_000 }, async () => {
    for (const id of ['a', 'b']) await insert(id)
    await describeKey(theirs, 'a', 'first')
    assert.deepEqual([await descriptionOf('a'), await descriptionOf('b')], ['first', 'key b'])
    // While we do not look, "a" changes, and then "b" so often that the change of "a" is not kept.
    await describeKey(theirs, 'a', 'second')
    const changes = numbers(KEY_CHANGES_KEPT + 10)
    for (let start = 0; start < changes.length; start += 1_000) {
      await Promise.all(changes.slice(start, start + 1_000).map((n) => describeKey(theirs, 'b', `b${n}`)))
    }
    const { count, last } = rowsOfFeed()
    assert.deepEqual([count, last], [KEY_CHANGES_KEPT, KEY_CHANGES_KEPT + 12])
    assert.equal(await descriptionOf('a'), 'second')
    assert.equal(await descriptionOf('b'), `b${changes.length - 1}`)
  })
})
