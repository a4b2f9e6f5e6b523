import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createGate } from './gate.ts'

/** A task that ends when told to. */
function held() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { task: () => promise, end: () => resolve() }
}

describe('the gate', () => {
  it('lets so many run, so many wait, and refuses the rest', async () => {
    const gate = createGate({ runningMax: 2, waitingMax: 1, warnAt: 10 }, () => {})
    const first = held()
    const passing = [gate.pass(first.task), gate.pass(first.task), gate.pass(async () => 'third')]
    assert.deepEqual([gate.running, gate.waiting, gate.isOpen], [2, 1, false])
    await assert.rejects(
      gate.pass(async () => 'fourth'),
      { id: 'api.process.overloaded' },
    )
    first.end()
    assert.equal(await passing[2], 'third')
    await Promise.all(passing)
    assert.deepEqual([gate.running, gate.waiting, gate.isOpen], [0, 0, true])
  })

  it('serves those that wait in their order, and hands places on after failures', async () => {
    const gate = createGate({ runningMax: 1, waitingMax: 10_000, warnAt: 10_001 }, () => {})
    const order: number[] = []
    const tasks = Array.from({ length: 5_000 }, (_, index) =>
      gate
        .pass(async () => {
          order.push(index)
          if (index % 3 === 0) throw new Error('no')
        })
        .catch(() => {}),
    )
    await Promise.all(tasks)
    assert.deepEqual(order, Array.from(order.keys()))
    assert.equal(order.length, 5_000)
    assert.equal(gate.running, 0)
  })

  it('gives up those that had to wait when nobody wants them any more', async () => {
    const gate = createGate({ runningMax: 1, waitingMax: 5, warnAt: 5 }, () => {})
    const first = held()
    let isGone = false
    const running = gate.pass(first.task, () => isGone)
    const waiting = assert.rejects(
      gate.pass(
        async () => assert.fail('nobody wants it'),
        () => isGone,
      ),
      { id: 'api.process.connection_dropped' },
    )
    const other = gate.pass(async () => 'other')
    isGone = true
    first.end()
    await running
    await waiting
    assert.equal(await other, 'other')
    assert.deepEqual([gate.running, gate.waiting], [0, 0])
  })

  it('warns when a crowd waits, once', async () => {
    const warnings: number[] = []
    const gate = createGate({ runningMax: 1, waitingMax: 5, warnAt: 2 }, (waiting) => warnings.push(waiting))
    const first = held()
    const passing = [first.task, first.task, first.task, first.task].map((task) => gate.pass(task))
    assert.deepEqual(warnings, [2])
    first.end()
    await Promise.all(passing)
  })

  it('refuses everything once closed, and finishes what it let in', async () => {
    const gate = createGate({ runningMax: 1, waitingMax: 5, warnAt: 5 }, () => {})
    const first = held()
    const passing = [gate.pass(first.task), gate.pass(async () => 'waited')]
    gate.close()
    await assert.rejects(
      gate.pass(async () => 1),
      { id: 'api.process.shutting_down' },
    )
    first.end()
    assert.equal(await passing[1], 'waited')
  })
})
