import { expect, setDefaultTimeout, test } from 'bun:test'
import { startNode } from '../../support/gateway/gateway-node.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'

setDefaultTimeout(120_000)
const MIB = 2 ** 20
const commit = 'c'.repeat(40)

/** A Hub that lists `count` files, so many a page, each entry with `extra` characters in a field that no client reads. */
function listingHub(count: number, options: { readonly aPage: number; readonly extra?: number }) {
  const { aPage, extra = 0 } = options
  const filler = 'x'.repeat(extra)
  const entry = (index: number) => {
    const oid = index.toString(16).padStart(40, '0')
    return JSON.stringify({
      type: 'file',
      oid,
      size: 5,
      path: `data/${index}.json`,
      securityFileStatus: filler,
    })
  }
  async function* page(from: number) {
    const end = Math.min(count, from + aPage)
    for (let at = from; at < end; at += 500) {
      const entries = Array.from({ length: Math.min(500, end - at) }, (_, index) => entry(at + index))
      yield Buffer.from(`${at === from ? '[' : ','}${entries.join()}`)
    }
    yield Buffer.from(']')
  }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    fetch({ url }) {
      const { pathname, searchParams, origin } = new URL(url)
      if (!pathname.includes('/tree/')) {
        const siblings = Array.from({ length: count }, (_, index) => ({ rfilename: `data/${index}.json` }))
        return Response.json({ siblings, id: 'o/r', sha: commit, private: false, gated: false })
      }
      const from = Number(searchParams.get('cursor') ?? 0)
      const next = from + aPage
      const link = { link: `<${origin}${pathname}?cursor=${next}>; rel="next"` }
      return new Response(page(from), { headers: next < count ? link : {} })
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) }
}

test('a node reads a page of any number of entries as it comes, and holds what it needs of them alone', async () => {
  await using hub = listingHub(60_000, { aPage: 60_000, extra: 900 })
  await using node = await startNode(hub.url)
  const answer = await fetch(`${node.url}/v1/warm`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ repo: 'o/r', include: ['none'] }),
  })
  expect(await answer.text()).toContain('"files":0')
  expect(node.peakMemory()).toBeLessThan(200 * MIB)
})

test('a repo of 100,000 files is listed in full, whether in pages of 1,000 or in one', async () => {
  for (const aPage of [1_000, 100_000]) {
    await using hub = listingHub(100_000, { aPage })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r', '--dry-run', '--include', 'data/99999.json'])
    expect(result.code, result.stderr).toBe(0)
    expect(result.stdout).toContain('data/99999.json')
  }
})

test('a page of more entries or bytes than any Hub gives is refused in one line', async () => {
  for (const [count, extra] of [
    [200_001, 0],
    [80_000, 900],
  ] as const) {
    await using hub = listingHub(count, { aPage: count, extra })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r', '--dry-run'])
    expect(result.code).toBe(6)
    expect(result.stderr).toMatch(/^dfhf: error: .*(more than 200000 entries|larger than 67108864 bytes)/m)
  }
})
