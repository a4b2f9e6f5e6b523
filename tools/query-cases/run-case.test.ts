import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { UserId } from '../../server/src/core/ids.ts'
import type { Storage } from '../../server/src/core/ports/storage.ts'
import { parseKeySearch } from '../../server/src/query/search-body.ts'
import { openStorage } from '../../server/src/storage/open-storage.ts'
import { keyOf, storeKeys } from './case-keys.ts'
import { type CaseStore, openCaseStore } from './case-store.ts'
import { type CaseOutcome, type CasesFile, type QueryCase, runCase, runPaging } from './run-case.ts'

const FILE: CasesFile = JSON.parse(
  readFileSync(new URL('../../compat/fixtures/key-searches.json', import.meta.url), 'utf8'),
)
const KEYS = FILE.documents.map(keyOf).filter((key) => key !== undefined)

describe('searches for API keys, on a store in memory', () => {
  let store: CaseStore
  let storage: Storage

  before(async () => {
    store = await openCaseStore('sqlite::memory:', FILE.documents, FILE.mapping)
    storage = await openStorage('sqlite::memory:')
    await storeKeys(storage, FILE.documents)
  })

  after(async () => {
    await store.close()
    await storage.close()
  })

  const isAsExpected = ({ problem }: CaseOutcome) => assert.equal(problem, undefined)

  /** What a case finds of a user's keys is what it finds of all keys, but for those of others. */
  async function findsOfEachOwner({ query, lang = 'elasticsearch', ids = [] }: QueryCase): Promise<void> {
    const scope = { mapping: FILE.mapping, now: FILE.now }
    for (const owner of new Set<UserId>(KEYS.map((key) => key.owner))) {
      const page = await storage.keys.search(
        owner,
        parseKeySearch(query, { from: 0, size: KEYS.length }, lang, scope),
      )
      const wanted = KEYS.filter((key) => key.owner === owner && ids.includes(key.id)).map((key) => key.id)
      assert.deepEqual(page.hits.map((key) => key.id).sort(), wanted.sort())
      assert.equal(page.total, wanted.length)
    }
  }

  for (const one of FILE.cases ?? []) {
    it(`finds what it should: ${one.name}`, async () => {
      isAsExpected(await runCase(store, one, FILE.now))
      if (one.error === undefined) await findsOfEachOwner(one)
    })
  }

  for (const one of FILE.paging ?? []) {
    it(`answers the whole call: ${one.name}`, async () => isAsExpected(await runPaging(store, one, FILE.now)))
  }
})
