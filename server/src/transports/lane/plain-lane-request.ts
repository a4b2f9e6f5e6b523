import { randomUUID } from 'node:crypto'
import { givenRequestId } from '../http/request-id.ts'
import type { LaneRequest } from './lane-message.ts'

/** A request of the lane. What few routes ask for is worked out when asked for. */
export class PlainLaneRequest implements LaneRequest {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: LaneRequest['headers']
  readonly address: string
  readonly body: string
  #id: string | undefined

  constructor(
    { method, path, query, headers }: Pick<LaneRequest, 'method' | 'path' | 'query' | 'headers'>,
    address: string,
    body: string,
  ) {
    this.method = method
    this.path = path
    this.query = query
    this.headers = headers
    this.address = address
    this.body = body
  }

  get id(): string {
    this.#id ??= givenRequestId(this) ?? randomUUID()
    return this.#id
  }
}
