import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Http, Kuzzle } from 'kuzzle-sdk'
import { openStorage } from '../server/src/storage/open-storage.ts'
import { type CaseDocument, storeKeys } from '../tools/query-cases/case-keys.ts'
import { ADMIN, createAdmin, type RunningServer, startServer } from './running-server.ts'

const GUIDE = readFileSync(new URL('../docs/guides/searching.md', import.meta.url), 'utf8')
const DEFAULT_ADDRESS = 'http://127.0.0.1:7512'
const DAY_MS = 86_400_000

/** A block of code, and what the line with the arrow behind it says of its outcome. */
type Example = {
  readonly language: string
  readonly kind: string
  readonly code: string
  readonly outcome: string | undefined
}

const EXAMPLES: readonly Example[] = [
  ...GUIDE.matchAll(/^```(\w+) ?(\w*)\n([\s\S]*?)^```\n(?:\n→ (.*)\n)?/gm),
].map(([, language = '', kind = '', code = '', outcome]) => ({ language, kind, code, outcome }))

/** The rows of the first table: the keys that the examples search. */
function guideKeys(): readonly CaseDocument[] {
  const rows = GUIDE.matchAll(/^\| `(\w+)` \| (.*?) ?\| (-?\d+) \| (\S+) \| (\w+) \|$/gm)
  return [...rows].map(([, id = '', description = '', ttlText = '', made = '', author = '']) => {
    const ttl = Number(ttlText)
    const createdAt = made === 'yesterday' ? Date.now() - DAY_MS : Date.parse(made)
    const fingerprint = createHash('sha256').update(id).digest('hex')
    return {
      _id: id,
      _source: {
        userId: 'ada',
        description,
        ttl,
        expiresAt: ttl === -1 ? -1 : createdAt + ttl,
        fingerprint,
        _kuzzle_info: { author, createdAt, updater: null, updatedAt: null },
      },
    }
  })
}

/** What searches answer. */
type Page = { readonly hits: readonly { readonly _id: string }[]; readonly total: number }

/** A search that is as large in one respect as it is told to be, by the words of the table of limits. */
const SEARCHES_OF_SIZE: Readonly<Record<string, (size: number) => { action: string; body?: object }>> = {
  '`from` + `size`': (size) => ({ action: 'searchApiKeys', from: size - 10, size: 10 }),
  'Clauses of a query, words of full-text clauses included': (size) =>
    keySearch({ match: { description: 'word '.repeat(size - 1) } }),
  '`bool` within `bool`': (size) =>
    keySearch(nestedTimes(size - 1, { bool: { must: [] } }, (inner) => ({ bool: { must: inner } }))),
  'Objects and arrays within each other': (size) => {
    const innermost = size % 2 === 0 ? { match_all: {} } : { term: { ttl: { value: 1 } } }
    const around = (inner: object) => ({ constant_score: { filter: inner } })
    return keySearch(nestedTimes(Math.floor(size / 2) - 1, innermost, around))
  },
  'Values of a `terms`': (size) =>
    keySearch({ terms: { ttl: Array.from({ length: size }, (_, value) => value) } }),
  'Characters of a `regexp`': (size) => keySearch({ regexp: { ttl: 'a'.repeat(size) } }),
  'Keys to sort by': (size) => ({ action: 'searchUsers', body: { sort: Array(size).fill('_id') } }),
}

function keySearch(body: object): { action: string; body: object } {
  return { action: 'searchApiKeys', body }
}

function nestedTimes(times: number, innermost: object, around: (inner: object) => object): object {
  return Array.from({ length: times }).reduce<object>(around, innermost)
}

describe('the guide to searching', () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-guide-'))
  let server: RunningServer
  let admin: Kuzzle
  let ada: Kuzzle
  let token: string
  let lastAnswer: unknown

  async function connectAs(username: string, password: string): Promise<[Kuzzle, string]> {
    const kuzzle = new Kuzzle(new Http(server.host, { port: server.port }))
    await kuzzle.connect()
    return [kuzzle, await kuzzle.auth.login('local', { username, password })]
  }

  before(async () => {
    const url = `sqlite:${join(directory, 'guide.db')}`
    const storage = await openStorage(url)
    // No client can say when a key was made, and by whom.
    await storeKeys(storage, guideKeys())
    await storage.close()
    server = await startServer({ arguments: ['--storage', url] })
    await createAdmin(server)
    admin = (await connectAs(ADMIN.username, ADMIN.password))[0]
    const restrictedTo = [{ index: 'cities', collections: ['paris', 'rome'] }]
    await admin.security.createProfile('eu', {
      policies: [{ roleId: 'default', restrictedTo }],
      tags: ['abroad'],
    })
    await admin.security.updateUser('ada', { profileIds: ['default'] })
    await admin.security.createCredentials('local', 'ada', { username: 'ada', password: 'password' })
    await admin.security.createUser('bob', { content: { profileIds: ['default', 'eu'] } })
    await admin.security.createUser('eve', { content: { profileIds: ['eu'] } })
    ;[ada, token] = await connectAs('ada', 'password')
  })

  after(async () => {
    admin.disconnect()
    ada.disconnect()
    await server.stop()
    server.discard()
    rmSync(directory, { recursive: true, force: true })
  })

  /** Runs one example: in SDK code the last constant is the answer. */
  async function run({ language, kind, code }: Example): Promise<unknown> {
    if (language === 'js') return runScript(code, ada)
    if (language === 'sh') {
      const script = code.replaceAll(DEFAULT_ADDRESS, server.url)
      const output = execFileSync('bash', ['-euc', script], {
        encoding: 'utf8',
        env: { ...process.env, TOKEN: token },
      })
      return JSON.parse(output).result
    }
    const body: object = JSON.parse(code)
    if (kind === '') return ada.auth.searchApiKeys(body)
    if (kind === 'koncorde') return ada.auth.searchApiKeys(body, { lang: 'koncorde' })
    const action = { users: 'searchUsers', profiles: 'searchProfiles', roles: 'searchRoles' }[kind]
    assert.ok(action !== undefined, `no collection is called "${kind}"`)
    return (await admin.query({ controller: 'security', action, body })).result
  }

  it('shows examples, and says of each what it finds', () => {
    const shown = EXAMPLES.filter((example) => example.kind !== 'answer')
    assert.ok(shown.length > 70, `only ${shown.length} examples were found`)
    for (const { code, outcome } of shown) assert.ok(outcome !== undefined, `no arrow behind ${code}`)
    assert.equal((GUIDE.match(/^→/gm) ?? []).length, shown.length)
  })

  for (const [index, example] of EXAMPLES.entries()) {
    const name = `${index + 1}: ${example.code.replaceAll(/\s+/g, ' ').slice(0, 100)}`
    it(`example ${name}`, async () => {
      if (example.kind === 'answer') return assertShows(lastAnswer, JSON.parse(example.code))

      const outcome = example.outcome ?? ''
      const refusal = /^refused: `([^`]+)`(?:, "(.*)")?$/.exec(outcome)
      if (refusal !== null) {
        await assert.rejects(run(example), (error: { id: string; status: number; message: string }) => {
          assert.equal(error.id, refusal[1], error.message)
          assert.equal(error.status, 400)
          assert.ok(error.message.includes(refusal[2] ?? ''), error.message)
          return true
        })
        return
      }
      lastAnswer = await run(example)
      const member = /^`key\._source\.(\w+)` is (.+)$/.exec(outcome)
      if (member === null) assertFinds(lastAnswer as Page, outcome)
      else await assertIssued(lastAnswer as Issued, member[1] ?? '', member[2] ?? '')
    })
  }

  for (const [what, search] of Object.entries(SEARCHES_OF_SIZE)) {
    it(`states a limit that is met and not exceeded: ${what}`, async () => {
      const row = GUIDE.split('\n').find((line) => line.startsWith(`| ${what}`))
      const limit = Number(row?.split('|')[2]?.replace(',', ''))
      assert.ok(limit > 1, `the guide states no limit for "${what}"`)
      // What HTTP itself refuses, the SDK takes for an answer.
      const statusOf = (size: number): Promise<number> =>
        admin.query({ controller: 'security', userId: 'ada', ...search(size) }).then(
          (answer) => answer.status,
          (error: { status: number }) => error.status,
        )
      assert.equal(await statusOf(limit), 200)
      assert.equal(await statusOf(limit + 1), 400)
    })
  }

  type Issued = { readonly _id: string; readonly _source: Readonly<Record<string, unknown>> }

  async function assertIssued(key: Issued, member: string, value: string): Promise<void> {
    assert.equal(String(key._source[member]), value)
    // The examples behind this one know nothing of the key.
    await ada.auth.deleteApiKey(key._id)
  }
})

async function runScript(code: string, kuzzle: Kuzzle): Promise<unknown> {
  const name = /const (\w+) =/.exec(code)?.[1]
  const module = `export const run = async (kuzzle) => { ${code}\nreturn ${name} }`
  const { run }: { run(kuzzle: Kuzzle): Promise<unknown> } = await import(
    `data:text/javascript,${encodeURIComponent(module)}`
  )
  return run(kuzzle)
}

/** The guide may leave out whole members of an answer, nothing else. */
function assertShows(answer: unknown, shown: object): void {
  const members = Object.entries(answer as object).filter(([name]) => name in shown)
  assert.deepEqual(Object.fromEntries(members), shown)
}

function assertFinds({ hits, total }: Page, outcome: string): void {
  const ids = [...outcome.matchAll(/`([^`]+)`/g)].map(([, id]) => id)
  assert.ok(ids.length > 0 || outcome.startsWith('nothing'), `cannot read "→ ${outcome}"`)
  assert.deepEqual(
    hits.map((hit) => hit._id),
    ids,
  )
  assert.equal(total, Number(/, of (\d+)$/.exec(outcome)?.[1] ?? ids.length))
}
