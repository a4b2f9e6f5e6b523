import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseElasticsearch } from '../../query/elasticsearch.ts'
import { SEARCHABLE_FIELDS } from '../../query/fields.ts'
import { aKey, anEvent, keyId, numbers, userId } from '../contract/records.ts'
import { prepareAudit } from './audit-store.ts'
import { createKeyStore } from './key-store.ts'
import { openDatabase } from './open-database.ts'
import { searchKeys } from './search.ts'
import { prepareSearchIndex } from './search-index.ts'

const ANN = userId('ann')
const DAYS = new Map([[1, { accepted: 2, refused: 0 }]])

test('a key whose words are in the index is found by its new words, and keeps all it had', async () => {
  const database = await openDatabase(':memory:', { waitingMax: 10_000, lockWaitMaxMs: 1_000 })
  const keys = createKeyStore(database, prepareAudit(database), () => undefined)
  const policy = { credits: { initial: 10 } }
  for (const n of numbers(20)) {
    await keys.insert(
      aKey(`k${n}`, ANN, { description: `old word${n}`, policy }),
      undefined,
      anEvent('key.create'),
    )
  }
  const index = prepareSearchIndex(database)
  await database.change(() => {
    while (index.indexNext(ANN));
  })
  await keys.spend(keyId('k3'), 4, 2_000)
  await keys.noteUses([{ id: keyId('k3'), since: 5_000, lastUsedAt: 5_000, days: DAYS }])
  await keys.update(keyId('k3'), (key) => ({ ...key, description: 'new words' }), anEvent('key.update'))

  const mapping = SEARCHABLE_FIELDS['api-keys']
  const find = async (word: string) => {
    const query = parseElasticsearch({ match: { description: word } }, { mapping, now: 0 })
    const page = await searchKeys(database, ANN, { query, from: 0, size: 50 }, 0)
    return page.hits.map((key) => key.id)
  }
  assert.deepEqual(await find('words'), ['k3'])
  assert.deepEqual(await find('word3'), [])
  assert.deepEqual(await find('word4'), ['k4'])
  assert.equal((await find('old')).length, 19)
  assert.equal(await keys.countByOwner(ANN), 20)
  assert.equal((await keys.credits(keyId('k3'), 2_000))?.remaining, 6)
  assert.equal((await keys.usage(keyId('k3'), 9))[0]?.accepted, 2)
  assert.equal((await keys.lookUp(aKey('k3', ANN).fingerprint))?.key.description, 'new words')
  await database.close()
})
