import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ask, createAdmin, type RunningServer, startServer } from './running-server.ts'

/** Verifications that are under way at once. */
const AT_ONCE = 64
const CREDITS = 10

/** A server with an administrator, and a key of it that may verify others. */
type Scene = { readonly server: RunningServer; readonly session: string; readonly caller: string }

async function openScene(workers: number): Promise<Scene> {
  const server = await start(workers)
  const session = await createAdmin(server)
  const { key: caller } = await createKey({ server, session }, { scopes: ['keys:verify'] })
  return { server, session, caller }
}

function start(workers: number, dataDir?: string): Promise<RunningServer> {
  return startServer({
    arguments: ['--workers', String(workers), '--log-level', 'warn'],
    ...(dataDir !== undefined && { dataDir }),
  })
}

async function createKey(
  { server, session }: Pick<Scene, 'server' | 'session'>,
  members: object,
): Promise<{ readonly key: string; readonly id: string }> {
  const { status, body } = await ask(server, 'POST', '/v1/keys', {
    token: session,
    body: { owner: 'admin', description: 'raced for', ...members },
  })
  assert.equal(status, 201, JSON.stringify(body))
  return body
}

/** The code of one verification; undefined when the server was gone before it answered. */
async function verify({ server, caller }: Scene, key: string): Promise<string | undefined> {
  try {
    const { status, body } = await ask(server, 'POST', '/v1/verify', { token: caller, body: { key } })
    assert.equal(status, 200, JSON.stringify(body))
    return body.code
  } catch (error) {
    // What `fetch` says of a connection that broke.
    if (error instanceof TypeError) return undefined
    throw error
  }
}

const several = (scene: Scene, key: string, times: number): Promise<readonly (string | undefined)[]> =>
  Promise.all(Array.from({ length: times }, () => verify(scene, key)))

const count = (codes: readonly (string | undefined)[], wanted: string): number =>
  codes.filter((code) => code === wanted).length

for (const workers of [1, 4]) {
  describe(`with ${workers} ${workers === 1 ? 'thread' : 'threads'}`, { timeout: 240_000 }, () => {
    test(`${AT_ONCE} concurrent verifications of a key with ${CREDITS} credits spend exactly these`, async (t) => {
      const scene = await openScene(workers)
      t.after(() => scene.server.stop().finally(scene.server.discard))
      const { key } = await createKey(scene, { credits: { initial: CREDITS } })
      const codes = await several(scene, key, AT_ONCE)
      assert.equal(count(codes, 'VALID'), CREDITS)
      assert.equal(count(codes, 'USAGE_EXCEEDED'), AT_ONCE - CREDITS)
    })

    test('a rotation amid them gives no credits and takes none', async (t) => {
      const scene = await openScene(workers)
      t.after(() => scene.server.stop().finally(scene.server.discard))
      const { key, id } = await createKey(scene, { credits: { initial: CREDITS } })
      const before = several(scene, key, CREDITS / 2)
      const rotated = ask(scene.server, 'POST', `/v1/keys/${id}/rotate`, {
        token: scene.session,
        body: { graceMs: 60_000 },
      })
      const during = several(scene, key, AT_ONCE / 2)
      const { status, body } = await rotated
      assert.equal(status, 200, JSON.stringify(body))
      const after = await Promise.all([
        several(scene, body.key, AT_ONCE / 2),
        several(scene, key, AT_ONCE / 2),
      ])
      const codes = [...(await before), ...(await during), ...after.flat()]
      assert.equal(count(codes, 'VALID'), CREDITS)
      assert.equal(count(codes, 'USAGE_EXCEEDED'), codes.length - CREDITS)
    })

    test('no credit that was acknowledged as spent is there again after kill -9', async (t) => {
      const first = await openScene(workers)
      const { key } = await createKey(first, { credits: { initial: CREDITS } })
      const { promise: someSpent, resolve } = Promise.withResolvers<void>()
      const racing = Array.from({ length: AT_ONCE }, async () => {
        const code = await verify(first, key)
        if (code === 'VALID') resolve()
        return code
      })
      await someSpent
      await first.server.stop('SIGKILL')
      const spentBefore = count(await Promise.all(racing), 'VALID')
      const server = await start(workers, first.server.dataDir)
      t.after(() => server.stop().finally(server.discard))
      const after = await several({ ...first, server }, key, AT_ONCE)
      const spent = spentBefore + count(after, 'VALID')
      assert.ok(
        spentBefore >= 1 && spent <= CREDITS,
        `${spentBefore} before and ${spent} in all of ${CREDITS}`,
      )
      assert.equal(count(after, 'VALID') + count(after, 'USAGE_EXCEEDED'), AT_ONCE)
    })

    test('a rate limit admits its burst, what flows back meanwhile, and nothing more', async (t) => {
      const scene = await openScene(workers)
      t.after(() => scene.server.stop().finally(scene.server.discard))
      const [limit, windowMs] = [40, 3_600_000]
      const { key } = await createKey(scene, { limits: [{ name: 'hour', limit, window: windowMs }] })
      const startedAt = performance.now()
      const codes: (string | undefined)[] = []
      for (let round = 0; round < 3; round++) codes.push(...(await several(scene, key, AT_ONCE)))
      const elapsedMs = performance.now() - startedAt
      const admitted = count(codes, 'VALID')
      // One second for clocks that differ from this one.
      const most = limit + Math.floor(((elapsedMs + 1_000) * limit) / windowMs)
      assert.ok(admitted >= limit && admitted <= most, `${admitted} of ${limit} to ${most}`)
      assert.equal(count(codes, 'RATE_LIMITED'), codes.length - admitted)
    })

    test('a revocation holds on every connection from the very next request', async (t) => {
      const scene = await openScene(workers)
      t.after(() => scene.server.stop().finally(scene.server.discard))
      for (let round = 0; round < 5; round++) {
        const { key, id } = await createKey(scene, {})
        assert.equal(count(await several(scene, key, AT_ONCE), 'VALID'), AT_ONCE)
        const { status } = await ask(scene.server, 'POST', `/v1/keys/${id}/revoke`, {
          token: scene.session,
          body: { reason: 'keyCompromise' },
        })
        assert.equal(status, 200)
        assert.equal(count(await several(scene, key, AT_ONCE), 'REVOKED'), AT_ONCE)
      }
    })

    test('everything else is answered as ever, WebSocket included', async (t) => {
      const scene = await openScene(workers)
      t.after(() => scene.server.stop().finally(scene.server.discard))
      const plain = await Promise.all(
        Array.from({ length: 16 }, () => ask(scene.server, 'GET', '/_me', { token: scene.session })),
      )
      for (const { body } of plain) assert.equal(body.result._id, 'admin')
      const spoken = await Promise.all(Array.from({ length: 16 }, () => askOverWebSocket(scene)))
      for (const answer of spoken) assert.equal(answer.status, 200)
    })

    test('every use is counted once the server has stopped in order', async (t) => {
      const first = await openScene(workers)
      const { key, id } = await createKey(first, {})
      await several(first, key, AT_ONCE)
      assert.equal(await first.server.stop(), 0)
      const server = await start(workers, first.server.dataDir)
      t.after(() => server.stop().finally(server.discard))
      const { body } = await ask(server, 'GET', `/v1/keys/${id}/usage`, { token: first.session })
      const days: readonly { readonly accepted: number }[] = body.days
      assert.equal(
        days.reduce((sum, { accepted }) => sum + accepted, 0),
        AT_ONCE,
        JSON.stringify(body),
      )
    })
  })
}

function askOverWebSocket({ server }: Scene): Promise<{ readonly status: number }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${server.host}:${server.port}`)
    socket.onopen = () => socket.send('{"controller":"server","action":"now"}')
    socket.onerror = () => reject(new Error('the connection failed'))
    socket.onmessage = ({ data }) => {
      socket.close()
      resolve(JSON.parse(String(data)))
    }
  })
}
