import { gateRefusal } from '../access.ts'
import { type HttpAnswer, textAnswer } from '../http/message.ts'
import type { RouteContext } from './context.ts'

/** Smart HTTP for `git clone`, by git's own CGI program. */
export async function git(context: RouteContext): Promise<HttpAnswer> {
  const { request, route, repo, caller } = context
  const refused = gateRefusal(caller, repo)
  if (refused) return refused
  const backend = Bun.spawn(['git', 'http-backend'], {
    stdin: request.body,
    stdout: 'pipe',
    stderr: 'ignore',
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: context.bareRepo(repo),
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: request.headers.get('git-protocol') ?? '',
      PATH_INFO: `/${route.path}`,
      REQUEST_METHOD: request.method,
      QUERY_STRING: request.query.toString(),
      CONTENT_TYPE: request.headers.get('content-type') ?? '',
      CONTENT_LENGTH: String(request.body.length),
      HTTP_CONTENT_ENCODING: request.headers.get('content-encoding') ?? '',
      REMOTE_ADDR: '127.0.0.1',
    },
  })
  return parseCgi(Buffer.from(await new Response(backend.stdout).arrayBuffer()))
}

function parseCgi(output: Buffer): HttpAnswer {
  const end = output.indexOf('\r\n\r\n')
  if (end < 0) return textAnswer(500, 'git http-backend gave no answer')
  const lines = output.toString('latin1', 0, end).split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const { Status = '200', ...rest } = headers
  return {
    status: Number.parseInt(Status, 10),
    headers: rest,
    body: { kind: 'bytes', bytes: output.subarray(end + 4) },
  }
}
