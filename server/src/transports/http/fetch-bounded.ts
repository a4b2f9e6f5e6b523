/**
 * A `fetch` that gives up on answers of more than so many bytes.
 *
 * @throws {Error} the answer is longer; and as `fetch`.
 */
export function fetchBounded(bytesMax: number): (...asked: Parameters<typeof fetch>) => Promise<Response> {
  return async (...asked) => {
    const answer = await fetch(...asked)
    const parts: Uint8Array[] = []
    let length = 0
    for await (const part of answer.body ?? []) {
      length += part.length
      if (length > bytesMax) throw new Error(`More than ${bytesMax} bytes, which is the limit`)
      parts.push(part)
    }
    const body = WITHOUT_BODY.includes(answer.status) ? null : Buffer.concat(parts)
    return new Response(body, { status: answer.status, headers: answer.headers })
  }
}

/** A `Response` of such a status must have none. */
const WITHOUT_BODY: readonly number[] = [204, 205, 304]
