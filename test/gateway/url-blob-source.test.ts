import { describe, expect, test } from 'bun:test'
import { UrlBlobSource } from '../../src/gateway/url-blob-source.ts'
import { createHttpClient } from '../../src/http/http-client.ts'

const content = Buffer.from('0123456789')
const signal = new AbortController().signal

/** A server that answers ranges, or leads elsewhere, and notes which token each request brought. */
function serve(target?: string) {
  const tokens: (string | null)[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch({ headers }) {
      tokens.push(headers.get('authorization'))
      if (target !== undefined) return Response.redirect(target, 302)
      const [, start = 0, last = 9] = /bytes=(\d+)-(\d+)/.exec(headers.get('range') ?? '') ?? []
      const part = content.subarray(Number(start), Number(last) + 1)
      const range = { 'content-range': `bytes ${start}-${last}/${content.length}` }
      return new Response(part, headers.has('range') ? { status: 206, headers: range } : {})
    },
  })
  return { tokens, url: `http://127.0.0.1:${server.port}/x`, [Symbol.dispose]: () => void server.stop(true) }
}

async function read(from: string, mayFollow: (url: URL) => boolean): Promise<string> {
  await using http = createHttpClient()
  const headers = { authorization: 'Bearer ticket' }
  const source = new UrlBlobSource(http, { url: new URL(from), size: content.length, headers, mayFollow })
  const chunks = await Array.fromAsync(await source.open({ start: 2, end: 5 }, { signal }))
  return Buffer.concat(chunks).toString()
}

describe('a blob at an address', () => {
  test('is read with the headers of the address, which do not go where it leads', async () => {
    using store = serve()
    expect(await read(store.url, () => false)).toBe('234')
    using first = serve(store.url)
    expect(await read(first.url, () => true)).toBe('234')
    expect([first.tokens, store.tokens]).toEqual([['Bearer ticket'], ['Bearer ticket', null]])
  })

  test('is not read where the address may not lead', async () => {
    using inside = serve()
    using first = serve(inside.url)
    const mayFollow = ({ href }: URL) => href !== inside.url
    await expect(read(first.url, mayFollow)).rejects.toMatchObject({ code: 'bad-response' })
    expect(inside.tokens).toEqual([])
  })

  test('that leads in a circle is given up', async () => {
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ url }) => Response.redirect(url, 302),
    })
    await expect(read(`http://127.0.0.1:${server.port}/`, () => true)).rejects.toMatchObject({
      code: 'bad-response',
    })
    await server.stop(true)
  })
})
