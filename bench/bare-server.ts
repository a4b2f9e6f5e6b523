/** A bare node:http server that answers every request with the same bytes: `node bare-server.ts HEADERS_JSON BODY`. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const [headersText = '{}', body = ''] = process.argv.slice(2)
const headers: Record<string, string> = JSON.parse(headersText)
const bytes = Buffer.from(body)

const server = createServer((_request, response) => {
  response.writeHead(200, { ...headers, 'content-length': bytes.length })
  response.end(bytes)
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`bare server listening on http://127.0.0.1:${port}\n`)
})
process.once('SIGTERM', () => process.exit(0))
