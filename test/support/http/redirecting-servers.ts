/** Two servers: the first redirects from `/` to itself, and from there to the second, which answers `there`. */
interface RedirectingServers extends Disposable {
  /** Where the way begins, with a slash at the end. */
  readonly start: string
  /** Where it ends. */
  readonly end: string
}

/** Starts both; `note` is told every request. */
export function startRedirectingServers(note: (request: Request) => void): RedirectingServers {
  const other = Bun.serve({
    port: 0,
    fetch: (request) => {
      note(request)
      return new Response('there')
    },
  })
  const end = `http://127.0.0.1:${other.port}/end`
  const server = Bun.serve({
    port: 0,
    fetch: (request) => {
      note(request)
      const isFirst = new URL(request.url).pathname === '/'
      const location = isFirst ? '/next?a=b' : end
      return new Response(null, { status: isFirst ? 307 : 302, headers: { location } })
    },
  })
  return {
    start: `http://127.0.0.1:${server.port}/`,
    end,
    [Symbol.dispose]() {
      server.stop(true)
      other.stop(true)
    },
  }
}
