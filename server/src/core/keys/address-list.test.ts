import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { addressAllowed, isAddressRange } from './address-list.ts'

/** Addresses close to each other, so that networks often hold them. */
const ipv4 = fc
  .tuple(fc.constantFrom(10, 192), fc.constantFrom(0, 1, 128), fc.nat({ max: 3 }), fc.nat({ max: 255 }))
  .map((parts) => parts.join('.'))
const group = fc.constantFrom('0', '1', '8000', 'ffff', 'a')
const ipv6 = fc
  .array(group, { minLength: 8, maxLength: 8 })
  .map((groups) => ['2001', ...groups.slice(1)].join(':'))

describe('addressAllowed', () => {
  test('agrees with BlockList of node:net about IPv4 networks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(ipv4, fc.nat({ max: 32 })), { maxLength: 4 }),
        ipv4,
        (networks, address) => {
          const theirs = new BlockList()
          for (const [network, bits] of networks) theirs.addSubnet(network, bits, 'ipv4')
          const ours = networks.map(([network, bits]) => `${network}/${bits}`)
          assert.equal(addressAllowed(ours, address), theirs.check(address, 'ipv4'))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('agrees with BlockList of node:net about IPv6 networks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(ipv6, fc.nat({ max: 128 })), { maxLength: 4 }),
        ipv6,
        (networks, address) => {
          const theirs = new BlockList()
          for (const [network, bits] of networks) theirs.addSubnet(network, bits, 'ipv6')
          const ours = networks.map(([network, bits]) => `${network}/${bits}`)
          assert.equal(addressAllowed(ours, address), theirs.check(address, 'ipv6'))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('takes IPv4 in both spellings, in the list and of the client', () => {
    fc.assert(
      fc.property(ipv4, fc.nat({ max: 32 }), ipv4, (network, bits, address) => {
        const plain = addressAllowed([`${network}/${bits}`], address)
        assert.equal(addressAllowed([`${network}/${bits}`], `::ffff:${address}`), plain)
        assert.equal(addressAllowed([`::ffff:${network}/${bits + 96}`], address), plain)
        assert.equal(addressAllowed([`::FFFF:${network}/${bits + 96}`], `::ffff:${address}`), plain)
      }),
    )
  })

  test('never takes IPv4 for IPv6 or the other way round', () => {
    assert.ok(!addressAllowed(['::/0'], '192.0.2.1'))
    assert.ok(!addressAllowed(['::/0'], '::ffff:192.0.2.1'))
    assert.ok(!addressAllowed(['::ffff:0:0/95'], '192.0.2.1'))
    assert.ok(!addressAllowed(['0.0.0.0/0'], '::1'))
    assert.ok(!addressAllowed(['0.0.0.0/0'], '::192.0.2.1'))
    assert.ok(addressAllowed(['::/0'], '::192.0.2.1'))
    assert.ok(addressAllowed(['0.0.0.0/0', '::/0'], '::ffff:192.0.2.1'))
  })

  test('takes an address alone for itself', () => {
    assert.ok(addressAllowed(['192.0.2.1'], '192.0.2.1'))
    assert.ok(!addressAllowed(['192.0.2.1'], '192.0.2.2'))
    assert.ok(addressAllowed(['2001:db8::1'], '2001:DB8:0::1'))
    assert.ok(!addressAllowed(['2001:db8::1'], '2001:db8::2'))
  })

  test('refuses unknown and unreadable addresses, even where everybody may come from', () => {
    for (const address of [
      undefined,
      '',
      'unknown',
      'localhost',
      '10.0.0.1:80',
      'fe80::1%eth0',
      '10.0.0.1, 10.0.0.2',
    ]) {
      assert.ok(!addressAllowed(['0.0.0.0/0', '::/0'], address))
    }
  })

  test('lets nobody in by an empty list, or by what is no network', () => {
    assert.ok(!addressAllowed([], '192.0.2.1'))
    assert.ok(!addressAllowed(['192.0.2.1/33', '*', '192.0.2'], '192.0.2.1'))
  })
})

describe('isAddressRange', () => {
  test('takes addresses and networks only', () => {
    for (const good of [
      '0.0.0.0/0',
      '192.0.2.7/24',
      '192.0.2.1',
      '::/0',
      '2001:db8::/32',
      '::1/128',
      '::ffff:1.2.3.4/96',
    ]) {
      assert.ok(isAddressRange(good), good)
    }
    const wrong = [
      '',
      '/',
      '/24',
      '192.0.2.0/',
      '192.0.2.0/33',
      '::/129',
      '192.0.2.0/024',
      '192.0.2.0/-1',
      '192.0.2.0/2 ',
      '192.0.2.0/+8',
      '192.0.2.0/8/8',
      '192.0.2.0/1e1',
      'fe80::1%eth0/64',
      '*',
      'example.com',
      '192.0.2.0-192.0.2.9',
    ]
    for (const text of wrong) assert.ok(!isAddressRange(text), text)
  })
})
