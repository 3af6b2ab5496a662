import { expect, test } from 'bun:test'
import { createHttpClient } from '../../src/http/http-client.ts'
import { givesBytes } from '../../src/http/ranges/gives-bytes.ts'

/** What a response to a HEAD, and to a GET of the first byte, looks like. */
interface Answers {
  readonly head: ResponseInit
  readonly get?: ResponseInit
}

const part = (range: string) => ({ status: 206, headers: { 'content-range': range } })
const long = (length: number) => ({ headers: { 'content-length': String(length) } })

test.each<[string, Answers, boolean, string]>([
  ['a HEAD of its length', { head: long(4) }, true, 'HEAD'],
  [
    'a HEAD of another length, and a part of it',
    { head: long(0), get: part('bytes 0-0/4') },
    true,
    'HEAD GET',
  ],
  ['an address signed for a GET', { head: { status: 403 }, get: part('bytes 0-0/4') }, true, 'HEAD GET'],
  ['a part of something longer', { head: { status: 403 }, get: part('bytes 0-0/5') }, false, 'HEAD GET'],
  [
    'a part of it whose length is not told',
    { head: { status: 403 }, get: part('bytes 0-0/*') },
    true,
    'HEAD GET',
  ],
  ['all of it', { head: { status: 405 }, get: { status: 200 } }, true, 'HEAD GET'],
  ['a refusal', { head: { status: 403 }, get: { status: 403 } }, false, 'HEAD GET'],
  ['that it is not there', { head: { status: 404 }, get: { status: 404 } }, false, 'HEAD GET'],
])(
  'a server that answers with %s gives a blob of 4 bytes, or not',
  async (_name, answers, isGiven, asked) => {
    const methods: string[] = []
    using server = Bun.serve({
      port: 0,
      fetch: ({ method }) => {
        methods.push(method)
        return new Response(method === 'HEAD' ? null : 'abcd', method === 'HEAD' ? answers.head : answers.get)
      },
    })
    await using http = createHttpClient()
    const given = await givesBytes((request) => http.request({ ...request, url: server.url.href }), 4)
    expect([given, methods.join(' ')]).toEqual([isGiven, asked])
  },
)
