import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { clientAddress, FORWARDED_HOPS_MAX, forwardedAddress } from './client-address.ts'

const PROXIES = ['10.0.0.0/8', '2001:db8:1::/48']

describe('clientAddress', () => {
  test('is the peer, whatever the header says, when the peer is not a trusted proxy', () => {
    fc.assert(
      fc.property(fc.option(fc.string(), { nil: undefined }), (header) => {
        assert.equal(clientAddress('192.0.2.9', header, PROXIES), '192.0.2.9')
        assert.equal(clientAddress('10.0.0.1', header, []), '10.0.0.1')
      }),
    )
    assert.equal(clientAddress('192.0.2.9', '10.0.0.1', PROXIES), '192.0.2.9')
  })

  test('is the right-most hop that is not a trusted proxy: what a client wrote before it does not count', () => {
    assert.equal(clientAddress('10.0.0.1', '192.0.2.7', PROXIES), '192.0.2.7')
    assert.equal(clientAddress('10.0.0.1', '203.0.113.1, 192.0.2.7', PROXIES), '192.0.2.7')
    assert.equal(clientAddress('10.0.0.1', '203.0.113.1, 192.0.2.7, 10.2.3.4,10.0.0.2', PROXIES), '192.0.2.7')
    assert.equal(clientAddress('10.0.0.1', 'garbage, 192.0.2.7 ,\t10.2.3.4', PROXIES), '192.0.2.7')
    assert.equal(clientAddress('2001:db8:1::2', '2001:DB8:2:0::7, 10.0.0.3', PROXIES), '2001:db8:2::7')
  })

  test('is unknown when the hop that counts is not an address', () => {
    for (const header of [
      '',
      ',',
      'unknown',
      '192.0.2.7, unknown',
      '192.0.2.7, ',
      '192.0.2.7,, 10.0.0.2',
      '_hidden',
      'fe80::1%eth0',
      '192.0.2.7;10.0.0.1',
      '999.0.2.7',
    ]) {
      assert.equal(clientAddress('10.0.0.1', header, PROXIES), undefined, header)
    }
  })

  test('is unknown when all hops are trusted, so that nobody said who is behind them', () => {
    assert.equal(clientAddress('10.0.0.1', undefined, PROXIES), undefined)
    assert.equal(clientAddress('10.0.0.1', '10.0.0.2, 10.0.0.3', PROXIES), undefined)
  })

  test('is unknown when the peer is', () => {
    assert.equal(clientAddress(undefined, '192.0.2.7', PROXIES), undefined)
    assert.equal(clientAddress('', '192.0.2.7', PROXIES), undefined)
    assert.equal(clientAddress('/run/socket', '192.0.2.7', PROXIES), undefined)
  })

  test('knows IPv4 written as IPv6, of the peer, the hops and the proxies', () => {
    assert.equal(clientAddress('::ffff:192.0.2.9', undefined, PROXIES), '192.0.2.9')
    assert.equal(clientAddress('::ffff:10.0.0.1', '::ffff:192.0.2.7, ::ffff:10.0.0.2', PROXIES), '192.0.2.7')
    assert.equal(clientAddress('10.0.0.1', '192.0.2.7', ['::ffff:10.0.0.0/104']), '192.0.2.7')
  })

  test('leaves ports out', () => {
    assert.equal(clientAddress('10.0.0.1', '192.0.2.7:49152', PROXIES), '192.0.2.7')
    assert.equal(clientAddress('10.0.0.1', '[2001:db8:2::7]:443, [2001:db8:1::9]', PROXIES), '2001:db8:2::7')
    assert.equal(clientAddress('10.0.0.1', '[192.0.2.7', PROXIES), undefined)
  })

  test('looks at a limited number of hops', () => {
    const hops = (count: number): string =>
      ['192.0.2.7', ...Array.from({ length: count }, () => '10.0.0.2')].join()
    assert.equal(clientAddress('10.0.0.1', hops(FORWARDED_HOPS_MAX - 1), PROXIES), '192.0.2.7')
    assert.equal(clientAddress('10.0.0.1', hops(FORWARDED_HOPS_MAX), PROXIES), undefined)
  })

  test('never answers a trusted proxy, nor what is not in the header, for any header', () => {
    const hop = fc.oneof(fc.ipV4(), fc.constantFrom('10.0.0.2', '10.9.9.9', '', 'x'), fc.string())
    fc.assert(
      fc.property(fc.array(hop), (hops) => {
        const address = clientAddress('10.0.0.1', hops.join(', '), PROXIES)
        if (address === undefined) return
        assert.ok(!address.startsWith('10.'))
      }),
    )
  })
})

describe('forwardedAddress', () => {
  test('is what clientAddress says behind a trusted proxy, whoever that is', () => {
    const hop = fc.constantFrom('192.0.2.7', '10.0.0.3', '2001:db8:1::9', '::ffff:192.0.2.8', '', 'unknown')
    fc.assert(
      fc.property(fc.array(hop, { maxLength: 5 }), (hops) => {
        const header = hops.join(', ')
        assert.equal(forwardedAddress(header, PROXIES), clientAddress('10.0.0.1', header, PROXIES))
      }),
    )
  })

  test('is the last hop when no other proxy is trusted, and unknown when nobody said', () => {
    assert.equal(forwardedAddress('192.0.2.7, 203.0.113.1', []), '203.0.113.1')
    assert.equal(forwardedAddress(undefined, []), undefined)
    assert.equal(forwardedAddress('', PROXIES), undefined)
  })
})
