import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseElasticsearch } from './elasticsearch.ts'
import { judgeOf } from './evaluate.ts'
import { documentsOf, NOW, searchIn } from './keywords/sample-keys.ts'
import { storedLength } from './score.ts'
import { StatisticsCounter, statisticsDemand } from './statistics.ts'
import { StepBudget } from './step-budget.ts'

/** Ten texts of 50 tokens in all; scores of Lucene 8.7 for them are known. */
const TEXTS = {
  'lora-perm': 'LoRa permanent API key',
  'lora-6m': 'LoRa 6 month API key',
  sigfox: 'Sigfox API key',
  'lora-gw': 'LoRa LoRa gateway',
  callback: 'sigfox_callback-auth token (prod)',
  ete: "Clé d'accès Été – été",
  contact: 'contact admin@example.com v2.0.1 at 10:30',
  cjk: '日本語 キー 🚀 deploy',
  quick: 'The quick brown API-key for CI/CD',
  deploy: 'Deploy key: permanent, do not revoke!',
}

const mapping = { properties: { text: { type: 'text' }, owner: { type: 'keyword' } } } as const

const IDS = Object.keys(TEXTS)
const DOCUMENTS = documentsOf(
  mapping,
  Object.values(TEXTS).map((text) => ({ text })),
)

function scores(query: unknown): Record<string, number> {
  const parsed = parseElasticsearch(query, { mapping, now: NOW })
  const budget = new StepBudget(1_000_000)
  const statistics = new StatisticsCounter(statisticsDemand([{ query: parsed, scored: true }]), budget)
  for (const document of DOCUMENTS) statistics.add(document)
  const judge = judgeOf(parsed, { statistics, budget, scored: true })
  const found: Record<string, number> = {}
  for (const [index, document] of DOCUMENTS.entries()) {
    const score = judge(document)
    if (score !== undefined) found[IDS[index] ?? ''] = score
  }
  return found
}

function assertScores(query: unknown, expected: Readonly<Record<string, number>>): void {
  const found = scores(query)
  for (const [id, score] of Object.entries(expected)) {
    assert.ok(Math.abs((found[id] ?? 0) - score) < 1e-5, `${id}: expected ${score}, found ${found[id]}`)
  }
}

describe('scores are those of Lucene', () => {
  test('for one word', () => {
    assertScores(
      { match: { text: 'LoRa' } },
      { 'lora-gw': 1.7741487, 'lora-perm': 1.2471738, 'lora-6m': 1.1451323 },
    )
  })

  test('for several words', () => {
    const expected = { 'lora-perm': 2.8608024, 'lora-gw': 1.7741487, deploy: 1.3695505, 'lora-6m': 1.1451323 }
    assertScores({ match: { text: 'LoRa permanent' } }, expected)
  })

  test('for a phrase', () => {
    const expected = { sigfox: 1.8974583, 'lora-perm': 1.7283777, 'lora-6m': 1.586965, quick: 1.2742054 }
    assertScores({ match_phrase: { text: 'API key' } }, expected)
  })

  test('times the boosts around', () => {
    const query = { match: { text: { query: 'LoRa', boost: 2 } } }
    assertScores({ bool: { must: query, boost: 3 } }, { 'lora-gw': 6 * 1.7741487 })
  })
})

test('the length of a document is exact up to 40 and rounded down to four bits above', () => {
  const lengths = [0, 1, 24, 39, 40, 41, 42, 56, 57, 60, 88, 150]
  assert.deepEqual(lengths.map(storedLength), [0, 1, 24, 39, 40, 40, 42, 56, 56, 60, 88, 144])
})

test('documents of nearly the same length tie, and come back in creation order', async () => {
  const long = (words: number) => ({ text: `x ${'y '.repeat(words - 1)}` })
  const documents = documentsOf(mapping, [long(43), long(42), long(44), {}])
  const found = await searchIn(documents, { mapping, now: NOW }, { query: { match: { text: 'x' } } })
  assert.deepEqual(found, ['d0', 'd1', 'd2'])
})

test('documents outside the scope of a search do not change its ranking', async () => {
  const scope = { mapping, now: NOW }
  const body = { query: { match: { text: 'rare common' } } }
  const mine = [{ text: 'rare' }, { text: 'common' }, { text: 'common' }]
  assert.deepEqual(await searchIn(documentsOf(mapping, mine), scope, body), ['d0', 'd1', 'd2'])
})
