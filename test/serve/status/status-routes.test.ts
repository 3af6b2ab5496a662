import { expect, test } from 'bun:test'
import type { GatewayRequest, Reply, StreamBody } from '../../../src/gateway/message.ts'
import { StatusRoutes } from '../../../src/serve/status/status-routes.ts'

function requestTo(target: string, headers: Readonly<Record<string, string>> = {}, address = '127.0.0.1') {
  const leave = new AbortController()
  const request: GatewayRequest = {
    method: 'GET',
    target,
    headers: new Headers(headers),
    body: (async function* () {})(),
    address,
    localAddress: '127.0.0.1',
    signal: leave.signal,
  }
  return { request, leave }
}

function stand() {
  let looks = 0
  const status = new StatusRoutes(() => ({ looks: ++looks }))
  const routes = new Map(status.routes)
  const ask = async (asked: ReturnType<typeof requestTo>): Promise<Reply | undefined> =>
    routes.get(`GET ${asked.request.target}`)?.(asked.request)
  return { status, ask, looks: () => looks }
}

function streamOf(reply: Reply | undefined): AsyncIterator<Uint8Array> {
  const body = reply?.body
  if (body === undefined || !(Symbol.asyncIterator in body)) throw new Error('no stream')
  const stream: StreamBody = body
  return stream[Symbol.asyncIterator]()
}

const textOf = ({ value }: IteratorResult<Uint8Array>) => new TextDecoder().decode(value ?? new Uint8Array())

test('the root is a page for those that ask for HTML alone', async () => {
  const { ask } = stand()
  const accept = 'text/html,application/xhtml+xml,*/*;q=0.8'
  expect((await ask(requestTo('/', { accept })))?.status).toBe(200)
  for (const headers of [{}, { accept: '*/*' }, { accept: 'application/json' }])
    expect(await ask(requestTo('/', headers))).toBeUndefined()
  expect(await ask(requestTo('/', { accept, 'x-dragonfly-registry': 'https://x' }))).toBeUndefined()
})

test('nothing is looked up without a viewer, and once for all that look at the same time', async () => {
  const { ask, looks } = stand()
  expect(looks()).toBe(0)
  const first = streamOf(await ask(requestTo('/v1/status')))
  expect(looks()).toBe(0)
  expect(textOf(await first.next())).toBe('data: {"looks":1}\n\n')
  const second = streamOf(await ask(requestTo('/v1/status')))
  expect(textOf(await second.next())).toBe('data: {"looks":1}\n\n')
  expect(textOf(await first.next())).toBe('data: {"looks":2}\n\n')
})

test('a stream ends when its viewer leaves or the gateway closes, and makes room for another viewer', async () => {
  const { ask, status } = stand()
  const open = async () => {
    const asked = requestTo('/v1/status')
    const reply = await ask(asked)
    if (reply?.status !== 200) return { reply, leave: asked.leave, stream: undefined }
    const stream = streamOf(reply)
    await stream.next()
    return { reply, leave: asked.leave, stream }
  }
  const views = await Promise.all(Array.from({ length: 8 }, open))
  expect((await open()).reply?.status).toBe(503)
  expect((await ask(requestTo('/v1/status', {}, '192.0.2.1')))?.status).toBe(200)
  views[0]?.leave.abort()
  expect((await views[0]?.stream?.next())?.done).toBe(true)
  const another = await open()
  expect(another.reply?.status).toBe(200)
  status.close()
  expect((await another.stream?.next())?.done).toBe(true)
})
