import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CHANGES_KEPT, ChangeHistory } from './change-history.ts'
import type { Row } from './connection.ts'

const US = 'us'

const position = (last: number): Row => [last, null, null, 'position', null, null]
const change = (sequence: number | null, uid: string, writer = 'them'): Row => [
  sequence,
  uid,
  writer,
  'owner',
  null,
  `owner of ${uid}`,
]

/** A history that heard of the changes numbered 1 to 3. */
function aHistory(): ChangeHistory {
  const history = new ChangeHistory()
  history.read([position(0)])
  history.read([position(3), change(1, 'a'), change(2, 'b'), change(3, 'c')])
  return history
}

function read(history: ChangeHistory, ...rows: readonly Row[]): readonly unknown[] {
  return history.read(rows).heard.map((change) => (change.kind === 'owner' ? change.owner : change.kind))
}

test('the first answer may follow anything', () => {
  const history = new ChangeHistory()
  assert.equal(history.from, Number.MAX_SAFE_INTEGER)
  assert.deepEqual(read(history, position(7)), ['everything'])
  assert.equal(history.from, 7)
  assert.deepEqual(read(history, position(7), change(7, 'g')), [])
})

test('a change is heard of once, whether it has a number by then or gets one later', () => {
  const history = aHistory()
  assert.deepEqual(read(history, position(3), change(3, 'c'), change(null, 'd')), ['owner of d'])
  assert.deepEqual(read(history, position(4), change(3, 'c'), change(4, 'd'), change(null, 'e')), [
    'owner of e',
  ])
  assert.deepEqual(read(history, position(6), change(6, 'f'), change(5, 'e'), change(4, 'd')), ['owner of f'])
  assert.equal(history.last, 6)
})

test('what this node knows of already is no news, with a number or without', () => {
  const history = aHistory()
  history.heardHere(['d', 'e'])
  assert.deepEqual(read(history, position(4), change(3, 'c'), change(4, 'd', US), change(null, 'e', US)), [])
  assert.deepEqual(read(history, position(6), change(4, 'd', US), change(5, 'e', US), change(6, 'f', US)), [
    'owner of f',
  ])
})

test('changes that are still without a number want one', () => {
  const history = aHistory()
  const rows = [position(3), change(3, 'c'), change(null, 'd')]
  assert.equal(history.read(rows).needsNumbers, false)
  assert.equal(history.read(rows).needsNumbers, true)
})

test('everything may have changed when some of it was removed before it was heard of', () => {
  const history = aHistory()
  assert.deepEqual(read(history, position(9), change(8, 'h'), change(9, 'i')), ['everything'])
  assert.deepEqual(read(history, position(10), change(9, 'i'), change(10, 'j')), ['owner of j'])
})

test('everything may have changed when the store is an older one, or has another history', () => {
  assert.deepEqual(read(aHistory(), position(2)), ['everything'])
  assert.deepEqual(read(aHistory(), position(4), change(3, 'other'), change(4, 'd')), ['everything'])
})

test('everything may have changed when more did than is read at once', () => {
  const many = Array.from({ length: CHANGES_KEPT + 1 }, (_, n) => change(null, `n${n}`))
  assert.deepEqual(read(aHistory(), position(3), change(3, 'c'), ...many), ['everything'])
})

test('a change of a kind that only later releases know may concern anything', () => {
  const unknown: Row = [null, 'd', 'them', 'later', null, null]
  assert.deepEqual(read(aHistory(), position(3), change(3, 'c'), unknown), ['everything'])
})

test('whatever is committed, numbered and removed between answers, each change is heard of or everything is', () => {
  const step = fc.constantFrom('commit', 'number', 'trim', 'ask')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 5 }), (steps, kept) => {
      const history = new ChangeHistory()
      history.read([position(0)])
      let [uid, last] = [0, 0]
      let [numbered, waiting]: [Row[], Row[]] = [[], []]
      let unheard = new Set<string>()
      for (const what of [...steps, 'ask']) {
        if (what === 'commit') {
          uid += 1
          waiting.push(change(null, `u${uid}`))
          unheard.add(`owner of u${uid}`)
        } else if (what === 'number') {
          for (const row of waiting) {
            last += 1
            numbered.push([last, ...row.slice(1)])
          }
          waiting = []
        } else if (what === 'trim') numbered = numbered.slice(-kept)
        else {
          const { from } = history
          const behind = numbered.filter((row) => Number(row[0]) >= from)
          const heard = read(history, position(last), ...behind, ...waiting)
          if (heard.includes('everything')) unheard = new Set()
          for (const owner of heard) {
            if (owner === 'everything') continue
            assert.ok(unheard.delete(String(owner)), `${String(owner)} was heard of twice`)
          }
        }
      }
      assert.deepEqual([...unheard], [])
    }),
  )
})
