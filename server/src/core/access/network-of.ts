/**
 * The network that an address stands for when attempts are counted: an IPv4 address itself, and of an IPv6 address
 * the first 64 bits, because whoever has one of its addresses has all of them (RFC 6177).
 *
 * IPv4 in IPv6 (`::ffff:192.0.2.1`) is IPv4. Text that is no address stands for itself.
 */
export function networkOf(address: string): string {
  const bare = address.split('%')[0] ?? ''
  if (!bare.includes(':')) return bare
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = bare.toLowerCase().split('::')
  const front = groupsOf(head)
  const back = groupsOf(tail ?? '')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length)
  const groups = [...front, ...Array.from({ length: zeros }, () => '0'), ...back]
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}

function groupsOf(text: string): readonly string[] {
  return text === '' ? [] : text.split(':')
}
