import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textOfLine } from './log.ts'

const HEAD = { level: 'warn', time: '2026-01-31T12:00:00.000Z', msg: 'Something happened' }

test('a line of the log as text begins with time, level and message', () => {
  assert.equal(textOfLine(JSON.stringify(HEAD)), '2026-01-31T12:00:00.000Z warn Something happened\n')
})

test('facts follow as JSON, so that no text of a client can pretend to be a line of the log', () => {
  const line = textOfLine(JSON.stringify({ ...HEAD, name: 'x\n2026 fatal forged' }))
  assert.equal(line, '2026-01-31T12:00:00.000Z warn Something happened {"name":"x\\n2026 fatal forged"}\n')
})

test('an error is shown with its stack, indented below', () => {
  const line = textOfLine(
    JSON.stringify({ ...HEAD, err: { message: 'no', stack: 'Error: no\n    at here' } }),
  )
  assert.equal(line, '2026-01-31T12:00:00.000Z warn Something happened\n  Error: no\n      at here\n')
})

test('lets nobody steer the terminal that shows it', () => {
  const err = { stack: 'Error: \u001b[2J\n    at \u202ehere' }
  const facts = { id: '\u009b31m', name: 'a\u001b\u007f\nb' }
  const text = textOfLine(JSON.stringify({ time: 't', level: 'info', msg: 'm', ...facts, err }))
  assert.equal(
    text,
    't info m {"id":"\\u009b31m","name":"a\\u001b\\u007f\\nb"}\n  Error: \\u001b[2J\n      at \\u202ehere\n',
  )
})
