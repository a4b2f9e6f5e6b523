import assert from 'node:assert/strict'
import { isIP, SocketAddress } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createAddressWords, isIpv4, parseAddress, printAddress } from './ip-address.ts'

const words = createAddressWords()

function printed(text: string): string | undefined {
  return parseAddress(text, words) ? printAddress(words) : undefined
}

/** Texts that are addresses, or nearly. */
const nearly = fc.oneof(
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6(),
  fc.stringMatching(/^[0-9a-fA-F:.]{0,45}$/),
  fc
    .array(fc.constantFrom('0', '1', 'ffff', '00ab', ':', '::', '1.2.3.4', '.', '255', '256', '01', 'g'), {
      maxLength: 18,
    })
    .map((parts) => parts.join('')),
  fc.array(fc.constantFrom('0', 'a', 'ffff'), { maxLength: 9 }).map((groups) => groups.join(':')),
  fc
    .tuple(fc.ipV6(), fc.nat({ max: 45 }), fc.constantFrom('', ':', '.', '0', ' ', 'é'))
    .map(([text, at, extra]) => text.slice(0, at) + extra + text.slice(at + 1)),
)

describe('parseAddress', () => {
  test('takes exactly the texts that node:net takes, but for zone ids', () => {
    fc.assert(
      fc.property(nearly, (text) => {
        assert.equal(parseAddress(text, words), isIP(text) !== 0, text)
      }),
      { numRuns: 5_000 },
    )
  })

  test('refuses zone ids, ports, brackets, spaces and octal numbers', () => {
    const wrong = [
      'fe80::1%eth0',
      'fe80::1%1',
      '127.0.0.1:80',
      '[::1]',
      ' 127.0.0.1',
      '127.0.0.1 ',
      '0127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f.0.0.1',
      '1.2.3.4.5',
      '1.2.3',
      '1.2.3.4.',
      '.1.2.3.4',
      '::1.2.3',
      '::1.2.3.4:5',
      '1::2::3',
      ':1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:',
      ':',
      ':::',
      '12345::',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4::5:6:7:8',
      '１.2.3.4',
      '',
    ]
    for (const text of wrong) assert.ok(!parseAddress(text, words), text)
  })

  test('takes all forms of IPv6', () => {
    assert.equal(printed('::'), '::')
    assert.equal(printed('1::'), '1::')
    assert.equal(printed('::1'), '::1')
    assert.equal(printed('1:2:3:4:5:6:7::'), '1:2:3:4:5:6:7:0')
    assert.equal(printed('::2:3:4:5:6:7:8'), '0:2:3:4:5:6:7:8')
    assert.equal(printed('2001:DB8:0:0:1:0:0:1'), '2001:db8::1:0:0:1')
    assert.equal(printed('64:ff9b::192.0.2.33'), '64:ff9b::c000:221')
    assert.equal(
      printed('ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255'),
      'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    )
  })

  test('reads IPv4 written as IPv6 as IPv4, in every spelling', () => {
    for (const text of ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:c000:201', '0:0:0:0:0:ffff:192.0.2.1']) {
      assert.ok(parseAddress(text, words) && isIpv4(words))
      assert.equal(printAddress(words), '192.0.2.1')
    }
    for (const text of ['::192.0.2.1', '::ffff:0:192.0.2.1', '1::ffff:192.0.2.1', '::1']) {
      assert.ok(parseAddress(text, words) && !isIpv4(words), text)
    }
  })
})

describe('printAddress', () => {
  test('has one spelling for each address, which is read as the same address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        assert.ok(parseAddress(text, words))
        const before = [...words]
        const canonical = printAddress(words)
        assert.ok(isIP(canonical) !== 0)
        assert.equal(printed(canonical), canonical)
        assert.deepEqual([...words], before)
      }),
    )
  })

  test('agrees with node:net about IPv6', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const ours = printed(text) ?? ''
        // node:net prints some addresses that end in IPv4 with dots.
        const theirs = new SocketAddress({ address: text, family: 'ipv6' }).address
        assert.equal(ours, printed(theirs))
        if (!theirs.includes('.')) assert.equal(ours, theirs)
      }),
    )
  })
})
