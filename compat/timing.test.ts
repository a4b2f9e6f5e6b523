import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { ask, createAdmin, startServer } from './running-server.ts'

/** Each round asks with every kind of bad key once, in another order. */
const ROUNDS = 6_000
const WARM_UP_ROUNDS = 500

/** The slowest answers say more about the machine than about the server. */
const KEPT = 0.8

/** Mean times may differ by this much. */
const TOLERANCE = 0.03

/** A machine that is busy with something else may disturb one attempt; a difference that is real shows in all. */
const ATTEMPTS = 5

test('how long a refusal takes does not tell whether a key was ever good', {
  timeout: 280_000,
}, async (t) => {
  const server = await startServer({ arguments: ['--log-level', 'fatal'] })
  t.after(() => server.stop().finally(server.discard))
  const session = await createAdmin(server)
  const create = async () => {
    const body = { owner: 'admin', description: 'timed' }
    const { body: made } = await ask(server, 'POST', '/v1/keys', { token: session, body })
    return { key: String(made.key), id: String(made.id) }
  }
  const good = await create()
  const other = await create()
  const revoked = await create()
  await ask(server, 'POST', `/v1/keys/${revoked.id}/revoke`, {
    token: session,
    body: { reason: 'keyCompromise' },
  })
  const kinds: Readonly<Record<string, string>> = {
    malformed: `${good.key.slice(0, -1)}${good.key.endsWith('A') ? 'B' : 'A'}`,
    unknown: withChecksum('lk_live_00000000111111111111111111111111111'),
    'wrong secret': withChecksum(`${good.key.slice(0, 'lk_live_'.length + 8)}${other.key.slice(16, 43)}`),
    revoked: revoked.key,
  }
  const codes = await Promise.all(
    Object.values(kinds).map(async (key) => {
      const { body } = await ask(server, 'POST', '/v1/verify', { token: session, body: { key } })
      return body.code
    }),
  )
  assert.deepEqual(codes, ['MALFORMED', 'NOT_FOUND', 'NOT_FOUND', 'REVOKED'])
  const lengths = new Set(Object.values(kinds).map((key) => key.length))
  assert.equal(lengths.size, 1, JSON.stringify(kinds))

  const socket = connect({ port: server.port, host: server.host, noDelay: true })
  t.after(() => socket.destroy())
  await timeOf(socket, Object.values(kinds), WARM_UP_ROUNDS)
  let means: readonly number[] = []
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    means = await timeOf(socket, Object.values(kinds), ROUNDS)
    t.diagnostic(`${Object.keys(kinds).join(', ')}: ${means.map((mean) => mean.toFixed(1)).join(', ')} µs`)
    if (Math.max(...means) / Math.min(...means) - 1 <= TOLERANCE) return
  }
  assert.fail(`the times of ${ATTEMPTS} attempts differ by more than ${TOLERANCE * 100} %, see above`)
})

/** Mean microseconds of an answer to each key. */
async function timeOf(socket: Socket, keys: readonly string[], rounds: number): Promise<readonly number[]> {
  const requests = keys.map((key) =>
    Buffer.from(`GET /v1/authorize HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\n\r\n`),
  )
  const times = keys.map(() => new Float64Array(rounds))
  const order = keys.map((_, index) => index)
  for (let round = 0; round < rounds; round++) {
    shuffle(order)
    for (const kind of order) {
      const startedAt = performance.now()
      await answerTo(socket, requests[kind] ?? Buffer.alloc(0))
      const elapsed = times[kind]
      if (elapsed !== undefined) elapsed[round] = (performance.now() - startedAt) * 1_000
    }
  }
  return times.map((all) => {
    const kept = all.toSorted().subarray(0, Math.floor(all.length * KEPT))
    return kept.reduce((sum, time) => sum + time, 0) / kept.length
  })
}

function answerTo(socket: Socket, request: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('data', (chunk: Buffer) => {
      const isRefused = chunk.toString('latin1', 0, 12) === 'HTTP/1.1 401'
      if (isRefused) resolve()
      else reject(new Error(chunk.toString('latin1')))
    })
    socket.write(request)
  })
}

function shuffle(order: number[]): void {
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1))
    const moved = order[last] ?? 0
    order[last] = order[other] ?? 0
    order[other] = moved
  }
}

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A native key with the checksum that it must have: CRC-32 of all before it, as six digits of base 62. */
function withChecksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let place = 0; place < 6; place++) {
    digits = `${DIGITS[rest % 62]}${digits}`
    rest = Math.floor(rest / 62)
  }
  return text + digits
}

function crc32(text: string): number {
  let crc = 0xffffffff
  for (const byte of Buffer.from(text)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
