import assert from 'node:assert/strict'
import { QueryError, type QueryErrorCode } from '../query-error.ts'

/** Passes when the action throws a `QueryError` with exactly this code and message. */
export function assertRefuses(action: () => unknown, code: QueryErrorCode, message: string): void {
  assert.throws(action, (error: unknown) => {
    assert.ok(error instanceof QueryError, `Expected a QueryError, but got ${error}`)
    assert.deepEqual({ code: error.code, message: error.message }, { code, message })
    return true
  })
}
