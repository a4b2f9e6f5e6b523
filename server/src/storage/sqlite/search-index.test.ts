import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { analyze } from '../../query/analyzer.ts'
import { numbers, userId } from '../contract/records.ts'
import { parseKeys } from '../contract/search-contract.ts'
import type { Posting } from '../postings.ts'
import { indexAll } from './catch-up.ts'
import type { SqliteDatabase } from './database.ts'
import { KeyIndex } from './key-index.ts'
import { migrate, readMigrations } from './migrate.ts'
import { openDatabase } from './open-database.ts'
import { searchKeys } from './search.ts'
import { INDEXED_FROM_KEYS, prepareSearchIndex } from './search-index.ts'

const BOUNDS = { waitingMax: 100_000, lockWaitMaxMs: 10_000 }
const OWNER = userId('ann')

const INSERT_KEY = `INSERT INTO keys (fingerprint, id, owner, description, created_by, created_at)
  VALUES (randomblob(32), hex(randomblob(16)), 'ann', ?, 'ann', 0) RETURNING seq`
const COUNT_KEYS = `INSERT INTO owner_stats (owner, key_count) VALUES ('ann', 1)
  ON CONFLICT (owner) DO UPDATE SET key_count = key_count + 1`

/** The keys of one owner, as the index shall know them. */
class IndexedKeys {
  readonly #database: SqliteDatabase
  /** Keys that are in the index, and those that are not any more. */
  readonly #descriptions = new Map<number, string>()
  readonly #removed: number[] = []
  #waiting: [number, string][] = []

  constructor(database: SqliteDatabase) {
    this.#database = database
  }

  insert(description: string): void {
    const seq = Number(this.#database.statement(INSERT_KEY).get(description)?.[0])
    this.#database.statement(COUNT_KEYS).run()
    this.#waiting.push([seq, description])
  }

  indexNext(database = this.#database): void {
    prepareSearchIndex(database).indexNext(OWNER)
    for (const [seq, description] of this.#waiting) this.#descriptions.set(seq, description)
    this.#waiting = []
  }

  remove(which: number): void {
    const [seq, description] = [...this.#descriptions][which % this.#descriptions.size] ?? [0, '']
    this.#database.statement('DELETE FROM keys WHERE seq = ?').run(seq)
    prepareSearchIndex(this.#database).afterRemove(OWNER, seq, description)
    this.#descriptions.delete(seq)
    this.#removed.push(seq)
  }

  /** Gives a key that was removed back its place, with another description. */
  putBack(description: string): void {
    const seq = this.#removed.shift()
    if (seq === undefined) return
    prepareSearchIndex(this.#database).afterReturn(OWNER, seq, description)
    this.#descriptions.set(seq, description)
  }

  describe(which: number, description: string): void {
    const [seq, before] = [...this.#descriptions][which % this.#descriptions.size] ?? [0, '']
    const index = prepareSearchIndex(this.#database)
    index.afterRemove(OWNER, seq, before)
    index.afterReturn(OWNER, seq, description)
    this.#descriptions.set(seq, description)
  }

  get size(): number {
    return this.#descriptions.size
  }

  /** Where each word is. */
  postings(): ReadonlyMap<string, readonly Posting[]> {
    const byTerm = new Map<string, Posting[]>()
    for (const [document, description] of [...this.#descriptions].sort(([a], [b]) => a - b)) {
      const tokens = analyze('standard', description)
      for (const [term, at] of Map.groupBy(tokens, (token) => token.text)) {
        const posting = { document, length: tokens.length, positions: at.map(({ position }) => position) }
        byTerm.set(term, [...(byTerm.get(term) ?? []), posting])
      }
    }
    return byTerm
  }

  texts(): readonly (readonly string[])[] {
    return [...this.#descriptions.values()].map((text) =>
      analyze('standard', text).map((token) => token.text),
    )
  }
}

async function termsOf(index: KeyIndex, selection = { from: '' }): Promise<ReadonlyMap<string, number>> {
  const terms = new Map<string, number>()
  for await (const slice of index.terms(selection)) {
    for (const { term, documents } of slice) {
      assert.ok(!terms.has(term), `"${term}" comes twice`)
      terms.set(term, documents)
    }
  }
  return terms
}

async function postingsOf(index: KeyIndex, term: string): Promise<readonly Posting[]> {
  const postings: Posting[] = []
  await index.visitTerm(term, (document, length, positions) =>
    postings.push({ document, length, positions: [...positions] }),
  )
  return postings
}

/** Terms whose documents are compared each time; others next time. */
const TERMS_COMPARED = 200

async function assertKnows(database: SqliteDatabase, keys: IndexedKeys): Promise<void> {
  const index = KeyIndex.open(database, OWNER)
  const expected = keys.postings()
  assert.ok(index !== undefined)
  const texts = keys.texts().filter((words) => words.length > 0)
  const tokens = texts.reduce((sum, words) => sum + words.length, 0)
  assert.deepEqual(index.statistics, { documents: texts.length, tokens })
  assert.equal(index.keys, keys.size)
  const counts = new Map([...expected].map(([term, postings]) => [term, postings.length]))
  assert.deepEqual(await termsOf(index), counts)
  const every = Math.ceil(expected.size / TERMS_COMPARED)
  for (const [n, [term, postings]] of [...expected].entries()) {
    if (n % every === keys.size % every) assert.deepEqual(await postingsOf(index, term), postings, term)
  }
  await assertVisitsSelected(index, expected)
}

async function assertVisitsSelected(
  index: KeyIndex,
  expected: ReadonlyMap<string, readonly Posting[]>,
): Promise<void> {
  const accepted = (term: string) => term.includes('3')
  for (const selection of [{ from: '' }, { from: 'w1', before: 'w4', lengths: [2, 3] as const }]) {
    const isIn = (term: string) =>
      !('before' in selection) || (term >= 'w1' && term < 'w4' && term.length > 1 && term.length < 4)
    const found: number[] = []
    const asked: string[] = []
    await index.visitTerms(
      selection,
      ({ term, documents }) => {
        asked.push(term)
        assert.equal(documents, expected.get(term)?.length, term)
        return accepted(term)
      },
      (document) => found.push(document),
    )
    const terms = [...expected.keys()].filter(isIn)
    assert.deepEqual(asked.sort(), terms.sort())
    const documents = terms.filter(accepted).flatMap((term) => expected.get(term) ?? [])
    assert.deepEqual(
      found.sort((a, b) => a - b),
      documents.map((posting) => posting.document).sort((a, b) => a - b),
    )
  }
}

type Step =
  | { readonly kind: 'batch'; readonly keys: number }
  | { readonly kind: 'remove' | 'putBack' | 'describe'; readonly which: number }

const which = fc.nat(10_000)
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant('batch' as const), keys: fc.integer({ min: 1, max: 12 }) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), which }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('putBack' as const), which }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('describe' as const), which }) },
  ),
  { minLength: 60, maxLength: 140 },
)

/** Words that follow from a number; those with low numbers are common. */
function describeKey(seed: number, words: number, vocabulary: number): string {
  return numbers(words)
    .map((n) => {
      const random = Math.abs(Math.imul(seed * 1_009 + n, 0x9e3779b1) >> 4)
      return `w${(random % vocabulary) % (1 + (Math.floor(random / vocabulary) % vocabulary))}`
    })
    .join(' ')
}

function take(step: Step, keys: IndexedKeys, describeNext: () => string): void {
  if (step.kind === 'batch') {
    for (const _ of numbers(step.keys)) keys.insert(describeNext())
    keys.indexNext()
  } else if (keys.size > 0) {
    if (step.kind === 'remove') keys.remove(step.which)
    if (step.kind === 'putBack') keys.putBack(describeNext())
    if (step.kind === 'describe') keys.describe(step.which, describeNext())
  }
}

/** So many unlike neighbours are merged, while others are. */
const SEGMENTS_MAX = 64 + 2 * 16

const segmentsOf = (database: SqliteDatabase) =>
  database.statement('SELECT no, merges_into FROM key_index_segment').all()

describe('the index of descriptions, segment by segment', () => {
  test('knows each word of each key, whatever was merged, removed and changed', {
    timeout: 300_000,
  }, async () => {
    const run = fc.asyncProperty(
      steps,
      fc.constantFrom([0, 5], [3, 40], [20, 60], [60, 2_000], [120, 2_000]),
      async (taken, [words = 0, vocabulary = 1]) => {
        const database = await openDatabase(':memory:', BOUNDS)
        const keys = new IndexedKeys(database)
        let seed = 0
        for (const [index, step] of taken.entries()) {
          await database.change(() => take(step, keys, () => describeKey(seed++, words, vocabulary)))
          if (keys.size > 0 && index % 40 === 39) await assertKnows(database, keys)
        }
        if (keys.size > 0) await assertKnows(database, keys)
        assert.ok(segmentsOf(database).length < SEGMENTS_MAX)
        await database.close()
      },
    )
    await fc.assert(run, { numRuns: 12, endOnFailure: true })
  })

  test('knows each word of each key in the midst of merges', { timeout: 120_000 }, async () => {
    const database = await openDatabase(':memory:', BOUNDS)
    const keys = new IndexedKeys(database)
    let steps = 0
    for (const batch of numbers(60)) {
      await database.change(() => {
        for (const n of numbers(12)) keys.insert(describeKey(batch * 12 + n, 120, 3_000))
        keys.indexNext()
      })
      if (segmentsOf(database).every(([, into]) => into === null)) continue
      steps += 1
      await database.change(() => {
        keys.remove(steps * 7)
        keys.describe(steps * 11, 'w1 w1500 w2999 w3')
        if (steps % 2 === 0) keys.putBack('w2 w1501 w2998')
      })
      await assertKnows(database, keys)
    }
    assert.ok(steps >= 3, `${steps} steps`)
    await database.close()
  })

  test('loses nothing when merges end and begin while it is read', { timeout: 120_000 }, async () => {
    const database = await openDatabase(':memory:', BOUNDS)
    const keys = new IndexedKeys(database)
    const upkeep = prepareSearchIndex(database)
    const common = 'common '.repeat(90)
    for (const n of numbers(5_000)) keys.insert(`${common} word${n}`)
    for (const _ of numbers(25)) upkeep.indexNext(OWNER)
    const index = KeyIndex.open(database, OWNER)
    assert.ok(index !== undefined)

    const before = segmentsOf(database)
    const found: number[] = []
    await index.visitTerm('common', (document) => {
      if (document <= index.indexedTo) found.push(document)
      if (document % 40 === 0) upkeep.indexNext(OWNER)
    })
    assert.notDeepEqual(segmentsOf(database), before)
    assert.deepEqual(
      found,
      numbers(index.indexedTo).map((n) => n + 1),
    )
    await database.close()
  })

  test('tells of all words when merges end and begin while they are listed', async () => {
    const database = await openDatabase(':memory:', BOUNDS)
    const keys = new IndexedKeys(database)
    const upkeep = prepareSearchIndex(database)
    for (const n of numbers(30_000)) keys.insert(`some word${n}`)
    for (const _ of numbers(40)) upkeep.indexNext(OWNER)
    const index = KeyIndex.open(database, OWNER)
    assert.ok(index !== undefined)

    const before = segmentsOf(database)
    const words = new Set<string>()
    for await (const slice of index.terms({ from: 'word' })) {
      for (const { term } of slice) words.add(term)
      upkeep.indexNext(OWNER)
    }
    assert.notDeepEqual(segmentsOf(database), before)
    for (const n of numbers(index.indexedTo)) assert.ok(words.has(`word${n}`), `word${n}`)
    await database.close()
  })

  test('is kept by several processes in turns', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-index-'))
    const path = join(folder, 'x.db')
    const [one, other] = [await openDatabase(path, BOUNDS), await openDatabase(path, BOUNDS)]
    const keys = new IndexedKeys(one)
    for (const n of numbers(80)) {
      await one.change(() => {
        for (const m of numbers(3)) keys.insert(describeKey(n * 3 + m, 80, 3_000))
      })
      const database = n % 2 === 0 ? one : other
      await database.change(() => keys.indexNext(database))
      if (n % 5 === 0) await one.change(() => keys.remove(n))
    }
    await assertKnows(one, keys)
    await assertKnows(other, keys)
    await one.close()
    await other.close()
    rmSync(folder, { recursive: true })
  })
})

describe('a store whose descriptions are not indexed', () => {
  const search = parseKeys({ query: { match: { description: 'word7' } } }, 0, 1)
  const found = INDEXED_FROM_KEYS / 100
  const describeAll = (insert: (description: string) => void) => {
    for (const n of numbers(INDEXED_FROM_KEYS)) insert(`a word${n % 100}`)
  }
  const totalOf = async (database: SqliteDatabase) => {
    assert.ok(search !== undefined)
    return (await searchKeys(database, OWNER, search)).total
  }

  test('written before there were segments, is searched and indexed anew', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-index-'))
    const path = join(folder, 'x.db')
    const old = new DatabaseSync(path, { enableForeignKeyConstraints: true })
    migrate(old, readMigrations().slice(0, 2))
    old.exec('BEGIN')
    describeAll((description) => {
      old.prepare(INSERT_KEY).run(description)
      old.exec(COUNT_KEYS)
    })
    old.exec(`INSERT INTO key_index_owner VALUES (1, 'ann', 5000, 5000, 10000);
      INSERT INTO key_index_block VALUES (1, 'word7', 8, 4908, 50, x'00');
      COMMIT`)
    old.close()

    const database = await openDatabase(path, BOUNDS)
    assert.equal(await totalOf(database), found)
    await indexAll(database, prepareSearchIndex(database), OWNER)
    const index = KeyIndex.open(database, OWNER)
    assert.equal(index && (await termsOf(index)).get('word7'), found)
    assert.equal(await totalOf(database), found)
    await database.close()
    rmSync(folder, { recursive: true })
  })

  test('since a migration emptied the index, is searched and indexed anew', async () => {
    const database = await openDatabase(':memory:', BOUNDS)
    const keys = new IndexedKeys(database)
    describeAll((description) => keys.insert(description))
    const upkeep = prepareSearchIndex(database)
    await indexAll(database, upkeep, OWNER)
    database.statement('DELETE FROM key_index_owner').run()
    assert.deepEqual(segmentsOf(database), [])
    assert.equal(database.statement('SELECT count(*) FROM key_index_chunk').get()?.[0], 0)
    assert.equal(await totalOf(database), found)
    await indexAll(database, upkeep, OWNER)
    const index = KeyIndex.open(database, OWNER)
    assert.equal(index && (await termsOf(index)).get('word7'), found)
    await database.close()
  })
})
