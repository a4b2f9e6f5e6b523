import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { numbers } from '../contract/records.ts'
import { AccessCache, AccessFreshness } from './access-cache.ts'
import type { SqliteDatabase } from './database.ts'
import { openDatabase } from './open-database.ts'

describe('roles and profiles in memory', () => {
  let database: SqliteDatabase
  let loaded: number
  let freshness: AccessFreshness
  let cache: AccessCache<string, { readonly id: string }>

  beforeEach(async () => {
    database = await openDatabase(':memory:', { waitingMax: 10, lockWaitMaxMs: 100 })
    loaded = 0
    freshness = new AccessFreshness(database)
    // Every id but "none" has a row, whose revision is 1.
    const find = database.statement("SELECT ?1, 1 WHERE ?1 <> 'none'")
    cache = new AccessCache(freshness, find, (row) => {
      loaded += 1
      return { id: String(row[0]) }
    })
  })
  afterEach(() => database.close())

  test('are read from the store once', () => {
    const first = cache.find('a')
    assert.deepEqual(first, { id: 'a' })
    assert.equal(cache.find('a'), first)
    assert.equal(loaded, 1)
  })

  test('are looked at again, but stay identical, when something else changed', () => {
    const first = cache.find('a')
    freshness.invalidate()
    assert.equal(cache.find('a'), first)
    assert.equal(loaded, 1)
  })

  test('take no memory for ids that do not exist', () => {
    assert.equal(cache.find('none'), undefined)
    assert.equal(loaded, 0)
  })

  test('are dropped, oldest first, beyond ten thousand', () => {
    for (const n of numbers(10_000)) cache.find(`${n}`)
    cache.find('0')
    assert.equal(loaded, 10_000)
    cache.find('one more')
    cache.find('1')
    assert.equal(loaded, 10_001)
    cache.find('0')
    assert.equal(loaded, 10_002)
  })
})
