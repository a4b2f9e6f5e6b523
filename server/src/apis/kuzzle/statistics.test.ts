import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createStatistics } from './statistics.ts'

function openStatistics(enabled = true) {
  let now = 1_000
  const clock = { now: () => now }
  const statistics = createStatistics(clock, { enabled, intervalMs: 10, ttlMs: 100 })
  return {
    statistics,
    pass: (ms: number) => {
      now += ms
    },
  }
}

describe('statistics', () => {
  it('count what runs, what ended well and what failed, by carrier', () => {
    const { statistics } = openStatistics()
    statistics.opened('websocket')
    statistics.started('http')
    statistics.finished('http', 200)
    statistics.started('http')
    statistics.finished('http', 404)
    statistics.started('websocket')
    assert.deepEqual(statistics.last(), {
      timestamp: 1_000,
      completedRequests: { http: 1 },
      failedRequests: { http: 1 },
      ongoingRequests: { http: 0, websocket: 1 },
      connections: { websocket: 1 },
    })
  })

  it('keep a frame for each interval and forget the old ones', () => {
    const { statistics, pass } = openStatistics()
    for (let i = 0; i < 30; i++) {
      statistics.started('http')
      statistics.finished('http', 200)
      pass(10)
    }
    const all = statistics.between(0, Number.MAX_SAFE_INTEGER)
    assert.equal(all.length, 11)
    assert.deepEqual(all[0]?.completedRequests, { http: 1 })
    assert.equal(statistics.between(1_250, 1_270).length, 3)
  })

  it('that are switched off know only the present', () => {
    const { statistics, pass } = openStatistics(false)
    for (let i = 0; i < 3; i++) {
      statistics.started('http')
      pass(10)
    }
    assert.equal(statistics.between(0, Number.MAX_SAFE_INTEGER).length, 1)
  })
})
