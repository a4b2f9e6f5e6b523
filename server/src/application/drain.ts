/** Requests over HTTP may take so long when the server stops; longer than sockets, which are connections of HTTP too. */
export const DRAIN_MAX_MS = 7_000
