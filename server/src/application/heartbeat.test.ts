import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openStorage } from '../storage/open-storage.ts'
import {
  type PostgresServer,
  postgresIsMissing,
  startPostgres,
} from '../storage/postgres/testing/postgres-server.ts'
import { createClockMemory, createStoreClock } from '../system/store-clock.ts'
import { type HeartbeatParts, startHeartbeat } from './heartbeat.ts'
import type { Log } from './log.ts'

const HOUR_MS = 3_600_000

/** However slow this machine is, what is waited for happens in that time, in ms. */
const WAIT_MAX_MS = 60_000

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + WAIT_MAX_MS
  while (!(await isSo())) {
    assert.ok(performance.now() < giveUpAt, 'it did not come to be so')
    await sleep(20)
  }
}

function logTo(messages: string[]): Log {
  const note = (_facts: unknown, message: string): void => void messages.push(message)
  return { fatal: note, error: note, warn: note, info: note, debug: note, flush: () => {} }
}

describe('the heartbeat of a node', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())

  async function withParts(
    body: (
      parts: HeartbeatParts & { setSkew(ms: number): void },
      messages: readonly string[],
    ) => Promise<void>,
  ): Promise<void> {
    const storage = await openStorage(await server.newStore())
    const messages: string[] = []
    let skewMs = 0
    const machine = { now: () => Date.now() + skewMs }
    try {
      const parts = {
        cluster: storage.cluster ?? assert.fail(),
        clock: createStoreClock(createClockMemory(), machine),
        node: { name: 'one', version: '1.2.3', address: 'http://a', threads: 1 },
        log: logTo(messages),
        machine,
        elapsedMs: () => performance.now(),
        setSkew: (ms: number) => {
          skewMs = ms
        },
      }
      await body(parts, messages)
    } finally {
      await storage.close()
    }
  }

  const count = (messages: readonly string[], pattern: RegExp): number =>
    messages.filter((message) => pattern.test(message)).length

  test('tells the others that it is there, that it drains, and that it is gone', () =>
    withParts(async (parts) => {
      const states = async () =>
        (await parts.cluster.list()).nodes.map(({ name, state }) => `${name} ${state}`)
      const heartbeat = startHeartbeat(parts)
      assert.equal(heartbeat.state(), undefined)
      await until(async () => (await states())[0] === 'one ready')
      assert.equal(heartbeat.state()?.alive, 1)
      await heartbeat.drain()
      assert.deepEqual(await states(), ['one draining'])
      await heartbeat.stop()
      assert.deepEqual(await states(), [])
    }))

  test('keeps the clock on the time of the store while that of the machine is set, and says so once each time', () =>
    withParts(async (parts, messages) => {
      const { clock, setSkew } = parts
      const apart = () => Math.abs(clock.now() - Date.now())
      const heartbeat = startHeartbeat(parts)
      try {
        for (const skewMs of [HOUR_MS, -HOUR_MS]) {
          setSkew(skewMs)
          await until(() => apart() < HOUR_MS / 2)
          assert.equal(count(messages, /clock of this machine differs/), 1)
        }
        setSkew(0)
        await until(() => count(messages, /clocks agree again/) === 1)
        assert.ok(apart() < HOUR_MS / 2)
      } finally {
        await heartbeat.stop()
      }
    }))

  test('goes on when the store was away, and says so once each time', () =>
    withParts(async (parts, messages) => {
      const heartbeat = startHeartbeat(parts)
      try {
        await until(async () => (await parts.cluster.list()).nodes.length === 1)
        await server.kill()
        const lost = /Cannot tell the other nodes that this one is there/
        await until(() => count(messages, lost) === 1)
        const heardAt = performance.now() - (heartbeat.state()?.ageMs ?? assert.fail())
        await server.restart()
        await until(() => count(messages, /other nodes hear of this one again/) === 1)
        assert.ok(performance.now() - (heartbeat.state()?.ageMs ?? assert.fail()) > heardAt)
        assert.equal(count(messages, lost), 1)
      } finally {
        await heartbeat.stop()
      }
    }))
})
