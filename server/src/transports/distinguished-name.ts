import type { X509Certificate } from 'node:crypto'

/**
 * Whom a certificate is for, as RFC 4514 writes it: `CN=ada,OU=people,O=Example\, Inc.`, the most particular part first,
 * without blanks between the parts.
 */
export function distinguishedName({ subject }: Pick<X509Certificate, 'subject'>): string {
  // node:crypto gives a line to each part, the most general one first, with the special characters escaped.
  return (subject ?? '').split('\n').toReversed().join(',')
}
