import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'

/** Connections that a proxy tells apart: those that listen for notifications, and the others. */
export type Line = 'feed' | 'others'

/** Stands between a node and a PostgreSQL server on this machine. */
export type TestProxy = {
  readonly port: number
  /** The address of a store, by way of the proxy. */
  through(url: string): string
  /** From now on nothing that the server says on these lines arrives, until `release`. */
  hold(line: Line): void
  /** What was held arrives after all. */
  release(): void
  /** How many bytes are held. */
  heldBytes(line: Line): number
  /** From now on nothing arrives in either direction, on old connections and new ones; nobody is told. */
  swallow(line: Line): void
  /** From now on every connection is broken off, old ones and new ones. */
  refuse(): void
  /** New connections work again; those that lost something are broken off. */
  recover(): void
  stop(): Promise<void>
}

const LISTENS = Buffer.from('LISTEN latchkey_changes')

/** Starts a proxy to a port of this machine. */
export async function startProxy(port: number): Promise<TestProxy> {
  const wires = new Set<Wire>()
  const state: State = { held: new Set(), swallowed: new Set(), isRefusing: false }
  const server = createServer((client) => {
    if (state.isRefusing) return void client.destroy()
    const wire = new Wire(client, createConnection(port, '127.0.0.1'), state)
    wires.add(wire)
    client.once('close', () => wires.delete(wire))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Cannot start a proxy: it has no port')
  return {
    port: address.port,
    through: (url) => url.replace(`:${port}/`, `:${address.port}/`),
    hold: (line) => void state.held.add(line),
    release() {
      state.held.clear()
      for (const wire of wires) wire.release()
    },
    heldBytes: (line) => [...wires].reduce((sum, wire) => sum + (wire.line === line ? wire.heldBytes : 0), 0),
    swallow: (line) => void state.swallowed.add(line),
    refuse() {
      state.isRefusing = true
      for (const wire of wires) wire.end()
    },
    recover() {
      state.swallowed.clear()
      state.isRefusing = false
      for (const wire of wires) if (wire.lostSomething) wire.end()
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      for (const wire of wires) wire.end()
      await closed
    },
  }
}

type State = { readonly held: Set<Line>; readonly swallowed: Set<Line>; isRefusing: boolean }

class Wire {
  readonly #client: Socket
  readonly #server: Socket
  readonly #state: State
  #held: Buffer[] = []
  line: Line = 'others'
  lostSomething = false

  constructor(client: Socket, server: Socket, state: State) {
    this.#client = client
    this.#server = server
    this.#state = state
    client.on('data', (bytes) => this.#fromClient(bytes))
    server.on('data', (bytes) => this.#fromServer(bytes))
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.end())
      socket.on('close', () => this.end())
    }
  }

  get heldBytes(): number {
    return this.#held.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  release(): void {
    for (const bytes of this.#held.splice(0)) this.#client.write(bytes)
  }

  end(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  #fromClient(bytes: Buffer): void {
    if (bytes.includes(LISTENS)) this.line = 'feed'
    if (this.#isSwallowed()) return
    this.#server.write(bytes)
  }

  #fromServer(bytes: Buffer): void {
    if (this.#isSwallowed()) return
    if (this.#state.held.has(this.line)) this.#held.push(bytes)
    else this.#client.write(bytes)
  }

  #isSwallowed(): boolean {
    if (!this.#state.swallowed.has(this.line)) return false
    this.lostSomething = true
    return true
  }
}
