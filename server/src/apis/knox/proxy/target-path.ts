/** A path that is decoded again and again does so at most so often until nothing changes. */
const DECODINGS_MAX = 8

/**
 * Whether a path would leave the one it is put behind, for any server that may read it: `..` in plain letters, encoded
 * once or more often, in UTF-8 longer than it should be, with a backslash, path parameters, or blanks.
 */
export function leavesBase(path: string): boolean {
  let text = path
  for (let round = 0; round < DECODINGS_MAX; round += 1) {
    if (hasParentSegment(text) || hasParentSegment(asUnicode(text))) return true
    const decoded = decodeOnce(text)
    if (decoded === text) return false
    text = decoded
  }
  return true
}

/** Path and query string of the upstream for what follows the service in the path, percent-encoding unchanged. */
export function targetOn(upstream: URL, rest: string, query: string): string {
  const base = upstream.pathname === '/' ? '' : upstream.pathname
  const path = base + rest
  return `${path === '' ? '/' : path}${query === '' ? '' : `?${query}`}`
}

/** A query string without some parameters; all others stay as they were written. */
export function withoutParameters(query: string, isUnwanted: (name: string) => boolean): string {
  if (query === '') return query
  const parts = query.split('&')
  const kept = parts.filter((part) => {
    const [name] = new URLSearchParams(part).keys()
    return name === undefined || !isUnwanted(name)
  })
  return kept.length === parts.length ? query : kept.join('&')
}

function hasParentSegment(text: string): boolean {
  return text.split(/[/\\]/).some((segment) => {
    const [name = ''] = segment.split(';')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: servers are known that leave them out
    return name.replaceAll(/[\x00-\x20\x7f]/g, '') === '..'
  })
}

/** One round of percent-decoding to one character for each byte, with what old servers take for one byte as well. */
function decodeOnce(text: string): string {
  return text
    .replaceAll(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll(/[\xc0\xc1][\x80-\xbf]/g, (pair) => overlong(pair, 0x1f))
    .replaceAll(/\xe0[\x80-\x9f][\x80-\xbf]/g, (triple) => overlong(triple, 0x0f))
}

/** ASCII that was written in more bytes than it needs (RFC 3629 section 10). */
function overlong(bytes: string, firstMask: number): string {
  let code = bytes.charCodeAt(0) & firstMask
  for (let index = 1; index < bytes.length; index += 1) code = (code << 6) | (bytes.charCodeAt(index) & 0x3f)
  return String.fromCharCode(code)
}

/** As servers read it that make plain dots of dots in other shapes. */
function asUnicode(text: string): string {
  if (!/[\u0080-\uffff]/.test(text)) return text
  const isBytes = !/[\u0100-\uffff]/.test(text)
  return (isBytes ? Buffer.from(text, 'latin1').toString('utf8') : text).normalize('NFKC')
}
