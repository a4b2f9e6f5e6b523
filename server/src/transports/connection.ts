/** One open, two-way connection of a client, whatever carries it. */
export interface Connection {
  /** Random, unique, safe to log. */
  readonly id: string
  readonly carrier: 'websocket' | 'mqtt'
  readonly address: string
  /** Somebody on this very host asks: as far as can be seen no proxy stands between, and no website is behind it. */
  readonly local: boolean
  /** Headers of the upgrade request, names in lower case; empty where the carrier has none. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Sends one message; does nothing once closed. Where the carrier has topics, `topic` names it. */
  send(text: string, topic?: string): void
  /** Ends the connection; `code` as in RFC 6455 where the carrier has codes. */
  close(code?: number): void
}

/** What a language does with the messages of its connections. */
export interface MessageHandler {
  opened(connection: Connection): void
  /** One message; must never reject. Answers travel through `connection.send`. */
  received(connection: Connection, text: string): Promise<void>
  closed(connection: Connection): void
}
