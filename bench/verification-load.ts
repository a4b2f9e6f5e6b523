/**
 * Sends the requests of a file over keep-alive connections, one at a time on each, and prints what came of it as JSON:
 * `node verification-load.ts PORT REQUESTS_FILE CONNECTIONS SECONDS`. A process of its own, so that it can be kept off the
 * core of the server, and so small that it is not what is measured.
 *
 * The file holds requests as they are sent, as a JSON list of texts.
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { percentile } from './machine.ts'

const [port = '', file = '', connections = '1', seconds = '1'] = process.argv.slice(2)
const texts: readonly string[] = JSON.parse(readFileSync(file, 'utf8'))
const requests = texts.map((text) => Buffer.from(text, 'latin1'))
if (requests.length === 0) throw new Error(`${file} holds no requests`)

const latencies: number[] = []
let next = 0
let isOver = false
let open = Number(connections)

/** "2" of the status line `HTTP/1.1 200 OK`. */
const STATUS_AT = 9
const TWO = 0x32

function drive(socket: Socket): void {
  let sentAt = 0
  let missing = 0
  /** Most answers are as long as the one before, and come in one piece. */
  let usualLength = -1
  const send = (): void => {
    if (isOver) return void socket.end()
    sentAt = performance.now()
    next = next + 1 === requests.length ? 0 : next + 1
    socket.write(requests[next] ?? '')
  }
  socket.on('data', (chunk: Buffer) => {
    if (missing > 0) missing -= chunk.length
    else {
      if (chunk[STATUS_AT] !== TWO) fail(chunk.toString('latin1'))
      if (chunk.length !== usualLength) {
        usualLength = lengthOf(chunk)
        missing = usualLength - chunk.length
      }
    }
    if (missing > 0) return
    latencies.push(performance.now() - sentAt)
    send()
  })
  socket.on('error', (error) => fail(error.message))
  socket.on('close', () => {
    open -= 1
    if (open === 0) report()
  })
  send()
}

/** Of a whole answer, from its head, which is expected in one piece. */
function lengthOf(chunk: Buffer): number {
  const end = chunk.indexOf('\r\n\r\n')
  const length = /^content-length: (\d+)/im.exec(chunk.toString('latin1', 0, end))?.[1]
  if (end === -1 || length === undefined) fail(`an answer without length: ${chunk.toString('latin1')}`)
  return end + 4 + Number(length)
}

function fail(why: string): never {
  process.stderr.write(`The load failed: ${why}\n`)
  process.exit(1)
}

const startedAt = performance.now()
let endedAt = startedAt

function report(): void {
  process.stdout.write(
    JSON.stringify({
      requests: latencies.length,
      seconds: (endedAt - startedAt) / 1000,
      p50Micros: percentile(latencies, 50) * 1000,
      p99Micros: percentile(latencies, 99) * 1000,
    }),
  )
}

for (let count = 0; count < Number(connections); count++) {
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
  socket.once('connect', () => drive(socket))
}
setTimeout(() => {
  isOver = true
  endedAt = performance.now()
}, Number(seconds) * 1000)
