/** The bare lane: its own reading of HTTP, and for every request the same answer: `node verification-lane.ts FIELDS BODY`. */
import { openLaneListener } from '../server/src/transports/lane/lane-listener.ts'
import type { LaneReply } from '../server/src/transports/lane/lane-message.ts'

const [fields = '', body = ''] = process.argv.slice(2)
const reply: LaneReply = { status: 200, fields, body }
const common = { reach: 'below', answer: () => reply } as const

const listener = await openLaneListener({
  place: { host: '127.0.0.1', port: 0, shared: false },
  routes: [
    { ...common, methods: ['POST'], path: '/v1/verify', bodyBytesMax: 1_048_576 },
    { ...common, methods: ['GET'], path: '/v1/authorize', bodyBytesMax: 0 },
  ],
  overloaded: reply,
  passOn: (socket) => socket.destroy(),
  onError: (error) => process.stderr.write(`${error}\n`),
})
process.stdout.write(`bare lane listening on http://127.0.0.1:${listener.port}\n`)
process.once('SIGTERM', () => process.exit(0))
