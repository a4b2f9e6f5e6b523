/** Where a service is, for clients and for this server. */
export type ServicePlace = {
  /** Its path for clients, such as `/gateway/sandbox/openai`. */
  readonly path: string
  /** The URL that was asked at the upstream. */
  readonly asked: URL
  /** Where the upstream may also be called; paths without a slash at their end. */
  readonly upstreams: readonly URL[]
}

/**
 * A `Location` of an upstream as clients can follow it: below the service when it is below the upstream, else as an
 * absolute URL, because a mere path would be one of this server.
 */
export function publicLocation(location: string, { path, asked, upstreams }: ServicePlace): string {
  if (!URL.canParse(location, asked.href)) return location
  const url = new URL(location, asked)
  for (const upstream of upstreams) {
    const base = upstream.pathname === '/' ? '' : upstream.pathname
    const isBelow = url.pathname === base || url.pathname.startsWith(`${base}/`)
    if (url.origin !== upstream.origin || !isBelow) continue
    return path + url.pathname.slice(base.length) + url.search + url.hash
  }
  return url.href
}
