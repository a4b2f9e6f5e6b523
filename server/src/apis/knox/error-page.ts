import { STATUS_CODES } from 'node:http'
import type { HttpReply, HttpRequest } from '../../transports/http/http-message.ts'

/** What an error page says. */
export type ErrorPage = {
  readonly status: number
  /** Absent: the name of the status. */
  readonly message: string | undefined
  /** Name of the topology, from which the name of the servlet is made that Knox shows. */
  readonly topology: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * An error as the servlet container of Knox answers it: HTML for browsers, plain text or JSON for those who ask for it.
 * Whoever takes anything gets JSON, where Knox sends HTML: clients of APIs read it, and none of Knox's depends on HTML.
 */
export function printErrorPage(request: HttpRequest, page: ErrorPage): HttpReply {
  const message = page.message ?? STATUS_CODES[page.status] ?? 'Error'
  const facts = {
    servlet: `${page.topology}-knox-gateway-servlet`,
    message,
    url: request.path,
    status: String(page.status),
  }
  const { type, body } = FORMS[formFor(request.headers['accept'])](facts)
  return {
    status: page.status,
    headers: { 'Cache-Control': 'must-revalidate,no-cache,no-store', 'Content-Type': type, ...page.headers },
    body,
  }
}

type Facts = {
  readonly servlet: string
  readonly message: string
  readonly url: string
  readonly status: string
}
type Form = 'json' | 'html' | 'text'

const FORMS: Readonly<Record<Form, (facts: Facts) => { readonly type: string; readonly body: string }>> = {
  json: ({ servlet, message, url, status }) => ({
    type: 'application/json',
    body: `{\n${[
      ['servlet', servlet],
      ['message', message],
      ['url', url],
      ['status', status],
    ]
      .map(([name, value]) => `"${name}":${JSON.stringify(value)}`)
      .join(',\n')}\n}`,
  }),
  html: ({ servlet, message, url, status }) => {
    const title = escapeHtml(`Error ${status} ${message}`)
    const rows = [
      ['URI', url],
      ['STATUS', status],
      ['MESSAGE', message],
      ['SERVLET', servlet],
    ].map(([name, value = '']) => `<tr><th>${name}:</th><td>${escapeHtml(value)}</td></tr>`)
    return {
      type: 'text/html;charset=iso-8859-1',
      body: `<html>
<head>
<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>
<title>${title}</title>
</head>
<body><h2>${escapeHtml(`HTTP ERROR ${status} ${message}`)}</h2>
<table>
${rows.join('\n')}
</table>

</body>
</html>
`,
    }
  },
  text: ({ servlet, message, url, status }) => ({
    type: 'text/plain;charset=iso-8859-1',
    body: `HTTP ERROR ${status} ${message}\nURI: ${url}\nSTATUS: ${status}\nMESSAGE: ${message}\nSERVLET: ${servlet}\n`,
  }),
}

/** The first form in the order of the header that is known; weights do not matter to so few. */
function formFor(accept: string | readonly string[] | undefined): Form {
  const types = String(accept ?? '')
    .split(',')
    .map((type) => type.replace(/;.*$/s, '').trim().toLowerCase())
  for (const type of types) {
    if (type === 'text/html' || type === 'application/xhtml+xml') return 'html'
    if (type === 'text/plain') return 'text'
    if (type === 'application/json' || type === '*/*' || type === 'application/*') return 'json'
  }
  return 'json'
}

/** Everything outside of ASCII as a reference too, so that the charset does not matter. */
function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']|[^ -~]/g, (unit) => `&#${unit.charCodeAt(0)};`)
}
