import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HeldBytes } from './held-bytes.ts'

type Client = { readonly name: number; heldBytes: number }

test('never holds more than allowed, and cuts nobody but who holds most', () => {
  const change = fc.record({ name: fc.nat(4), bytes: fc.nat(60) })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 100 }), (changes) => {
      const clients = Array.from({ length: 5 }, (_, name): Client => ({ name, heldBytes: 0 }))
      const open = new Set(clients)
      let most = 0
      const held = new HeldBytes<Client>(
        100,
        () => open,
        (client) => {
          assert.equal(client.heldBytes, 0)
          assert.ok(most >= Math.max(...[...open].map((other) => other.heldBytes)))
          open.delete(client)
        },
      )
      for (const { name, bytes } of changes) {
        const client = clients[name]
        if (client === undefined || !open.has(client)) continue
        most = Math.max(bytes, ...clients.filter((other) => other !== client).map((other) => other.heldBytes))
        held.set(client, bytes)
        assert.ok(clients.reduce((sum, other) => sum + other.heldBytes, 0) <= 100)
      }
    }),
  )
})
