import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Http, Kuzzle, WebSocket } from 'kuzzle-sdk'
import { openStorage } from '../server/src/storage/open-storage.ts'
import { keyOf, storeKeys } from '../tools/query-cases/case-keys.ts'
import type { CasesFile, PagingCase, QueryCase } from '../tools/query-cases/run-case.ts'
import { ADMIN, createAdmin, type RunningServer, startServer } from './running-server.ts'

const FILE: CasesFile = JSON.parse(
  readFileSync(new URL('./fixtures/key-searches.json', import.meta.url), 'utf8'),
)

const DAY_MS = 86_400_000

/** Keys of a user of their own, as many days old as their ids say, for queries whose dates start from `now`. */
const AGED = [-1, 0, 2, 5, 40].map((days, index) => ({
  _id: `${days}-days-old`,
  _source: {
    userId: 'clock',
    description: 'made long ago',
    expiresAt: -1,
    ttl: -1,
    fingerprint: String(index).repeat(64),
    _kuzzle_info: { author: 'clock', createdAt: Date.now() - days * DAY_MS, updater: null, updatedAt: null },
  },
}))

/**
 * The keys of the cases. They are stored before the server starts, because no client can say when a key was made, by
 * whom, or choose its fingerprint. The one document without a description is left out, here and in what is expected:
 * no API makes such a key and no store keeps one.
 */
const KEYS = FILE.documents.map(keyOf).filter((key) => key !== undefined)
const OWNERS = [...new Set(KEYS.map((key) => key.owner))]

/** Cases that depend on the hour; over the wire there is no other clock than the server's. */
const dependsOnClock = ({ query }: QueryCase) => JSON.stringify(query).includes('"now')

const CARRIERS = {
  http: (server: RunningServer) => new Http(server.host, { port: server.port }),
  websocket: (server: RunningServer) => new WebSocket(server.host, { port: server.port }),
}

/** What the SDK answers. */
type Page = { readonly hits: readonly { readonly _id: string }[]; readonly total: number }

/** What the SDK rejects with. */
type SdkError = { readonly status: number; readonly id: string }

const PAGE_MAX = 100

for (const [carrier, protocolOf] of Object.entries(CARRIERS)) {
  describe(`searches for API keys with kuzzle-sdk over ${carrier}`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'latchkey-cases-'))
    const clients: Kuzzle[] = []
    let server: RunningServer
    let admin: Kuzzle

    async function connectAs(username: string, password: string): Promise<Kuzzle> {
      const kuzzle = new Kuzzle(protocolOf(server))
      await kuzzle.connect()
      clients.push(kuzzle)
      await kuzzle.auth.login('local', { username, password })
      return kuzzle
    }

    before(async () => {
      const url = `sqlite:${join(directory, 'cases.db')}`
      const storage = await openStorage(url)
      await storeKeys(storage, [...FILE.documents, ...AGED])
      await storage.close()
      server = await startServer({ arguments: ['--storage', url] })
      await createAdmin(server)
      admin = await connectAs(ADMIN.username, ADMIN.password)
    })

    after(async () => {
      for (const client of clients) client.disconnect()
      await server.stop()
      server.discard()
      rmSync(directory, { recursive: true, force: true })
    })

    for (const one of FILE.cases ?? []) {
      if (dependsOnClock(one)) continue
      it(`answers each user: ${one.name}`, async () => {
        for (const owner of OWNERS) {
          const found = admin.security.searchApiKeys(
            owner,
            one.query as object,
            optionsOf({ ...one, size: PAGE_MAX }),
          )
          if (one.error === undefined) assertFinds(await found, one, owner)
          else await assert.rejects(found, refusedAs(one.error))
        }
      })
    }

    for (const one of FILE.paging ?? []) {
      it(`answers an administrator: ${one.name}`, async () => {
        const found = admin.security.searchApiKeys(one.userId, one.query as object, optionsOf(one))
        await assertAnswers(one, found)
      })
    }

    it('answers users about their own keys as it answers an administrator', async () => {
      for (const owner of OWNERS) {
        await admin.security.createCredentials('local', owner, { username: owner, password: 'password' })
        await admin.security.updateUser(owner, { profileIds: ['default'] })
        const self = await connectAs(owner, 'password')
        for (const one of FILE.paging ?? []) {
          if (one.userId !== owner) continue
          const found = self.auth.searchApiKeys(one.query as object, optionsOf(one))
          await assertAnswers(one, found)
        }
      }
    })

    // The bounds leave room on both sides, so that a midnight in between changes nothing.
    for (const [range, days] of [
      [{ gte: 'now-3d/d', lt: 'now/d' }, [2]],
      [{ gte: 'now-20d', lte: 'now' }, [0, 2, 5]],
      [{ lt: 'now-1M' }, [40]],
      [{ gt: 'now' }, [-1]],
      [{ gte: 'now-8d/d', lt: 'now-3d' }, [5]],
    ] as const) {
      it(`reads dates from the clock of the server: ${JSON.stringify(range)}`, async () => {
        const query = { range: { '_kuzzle_info.createdAt': range } }
        const found: Page = await admin.security.searchApiKeys('clock', query)
        assert.deepEqual(
          found.hits.map((hit) => hit._id),
          days.map((day) => `${day}-days-old`),
        )
      })
    }
  })
}

function optionsOf({ lang, from, size }: Pick<PagingCase, 'lang' | 'from' | 'size'>) {
  return {
    ...(lang !== undefined && { lang }),
    ...(from !== undefined && { from }),
    ...(size !== undefined && { size }),
  }
}

function assertFinds(found: Page, { ids = [] }: QueryCase, owner: string): void {
  const own = new Set<string>(KEYS.filter((key) => key.owner === owner).map((key) => key.id))
  const wanted = ids.filter((id) => own.has(id)).sort()
  assert.deepEqual(found.hits.map((hit) => hit._id).sort(), wanted, `keys of ${owner}`)
  assert.equal(found.total, wanted.length)
}

async function assertAnswers(one: PagingCase, found: Promise<Page>): Promise<void> {
  if (one.error !== undefined) return assert.rejects(found, refusedAs(one.error))
  const { hits, total } = await found
  const stored = new Set<string>(KEYS.map((key) => key.id))
  const wanted = one.hits?.filter((id) => stored.has(id)) ?? []
  assert.deepEqual(
    hits.map((hit) => hit._id),
    wanted,
  )
  assert.equal(total, (one.total ?? 0) - ((one.hits?.length ?? 0) - wanted.length))
}

function refusedAs(expected: NonNullable<QueryCase['error']>) {
  return (error: SdkError) => {
    const ids: readonly string[] = typeof expected.id === 'string' ? [expected.id] : expected.id
    assert.ok(ids.includes(error.id), `expected ${ids.join(' or ')}, found ${error.id}`)
    assert.equal(error.status, expected.status)
    return true
  }
}
