import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { leavesBase, targetOn, withoutParameters } from './target-path.ts'

describe('a path that would leave its base', () => {
  for (const path of [
    '/..',
    '/../x',
    '/a/../b',
    '/..\\x',
    '\\..\\x',
    '/%2e%2e/x',
    '/%2E./x',
    '/.%2e',
    '/..%2fx',
    '/..%5cx',
    '/a%2f..%2fb',
    '/%252e%252e/x',
    '/%25252e%25252e%25252fx',
    '/..;/x',
    '/..;jsessionid=1/x',
    '/%2e%2e%3b/x',
    '/..%00/x',
    '/.. /x',
    '/..%20',
    '/%c0%ae%c0%ae/x',
    '/%c0%ae%c0%ae%c0%afx',
    '/%e0%80%ae%e0%80%ae/x',
    '/%u002e%u002e/x',
    '/%ef%bc%8e%ef%bc%8e/x',
    '/%e2%80%a5/x',
  ]) {
    it(`is seen: ${path}`, () => assert.equal(leavesBase(path), true))
  }

  for (const path of [
    '',
    '/',
    '/.',
    '/...',
    '/a..b/..c',
    '/a%2Fb',
    '/%',
    '/%zz',
    '/%e4',
    '/v1/models/gpt-4.1',
    '/a;..',
  ]) {
    it(`is not seen where there is none: ${path}`, () => assert.equal(leavesBase(path), false))
  }

  it('is seen however it is spelled and whatever surrounds it', () => {
    const encoded = (text: string, depth: number): string =>
      depth === 0
        ? text
        : encoded(
            text.replaceAll(/[./%]/g, (each) => `%${each.charCodeAt(0).toString(16)}`),
            depth - 1,
          )
    const segment = fc
      .stringMatching(/^[a-z0-9%]{0,4}$/)
      .filter((text) => !/%[0-9a-f]{2}/.test(text) && !text.endsWith('%') && !/%[0-9a-f]$/.test(text))
    fc.assert(
      fc.property(segment, segment, fc.nat({ max: 5 }), (before, after, depth) => {
        assert.equal(leavesBase(`/${before}/${encoded('../', depth)}${after}`), true)
      }),
    )
  })
})

describe('the target at an upstream', () => {
  it('is the rest behind the path of the URL, unchanged', () => {
    for (const [url, rest, query, target] of [
      ['http://h', '', '', '/'],
      ['http://h/', '/x', '', '/x'],
      ['http://h/v1', '', 'a', '/v1?a'],
      ['http://h/v1', '/%7Ex//', 'a=%20', '/v1/%7Ex//?a=%20'],
    ] as const) {
      assert.equal(targetOn(new URL(url), rest, query), target)
    }
  })

  it('has every other parameter as it was written', () => {
    const isSecret = (name: string): boolean => name === 'se cret'
    for (const [query, kept] of [
      ['', ''],
      ['a=1&&b', 'a=1&&b'],
      ['se+cret=x', ''],
      ['a&se%20cret=x&b=%41', 'a&b=%41'],
      ['?se+cret=x&a', 'a'],
      ['secret=x', 'secret=x'],
    ] as const) {
      assert.equal(withoutParameters(query, isSecret), kept)
    }
  })

  it('never has the parameter that authentication reads', () => {
    const part = fc.stringMatching(/^[ab=&?%61+]{0,12}$/)
    fc.assert(
      fc.property(part, (query) => {
        const left = withoutParameters(query, (name) => name === 'a')
        assert.equal(new URLSearchParams(left).get('a'), null)
      }),
    )
  })
})
