import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compile } from '../../scripts/build/compile.ts'
import { startRawServer } from '../support/http/raw-server.ts'
import { startTestProxy } from '../support/http/test-proxy.ts'
import { makeCertificate } from '../support/hub/certificate.ts'

const folder = mkdtempSync(join(tmpdir(), 'dfhf-binary-'))
const binary = join(folder, 'fixture')

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const child = Bun.spawn([binary, ...args], { env, cwd: folder, stdout: 'pipe', stderr: 'inherit' })
  const output = await new Response(child.stdout).text()
  expect(await child.exited).toBe(0)
  return JSON.parse(output) as string[]
}

beforeAll(async () => {
  await compile(join(import.meta.dir, '../..'), { outfile: binary, program: 'test/http/binary-fixture.ts' })
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

// Bun's stand-in for undici ignores all of these without a word; only the binary proves that the real one is in it.
describe('in the compiled binary', () => {
  test('the headers timeout fires', async () => {
    await using server = await startRawServer(() => {})
    expect(await run([server.url])).toEqual(['timeout'])
  })

  test('a cap of 2 connections holds', async () => {
    const waiting: (() => void)[] = []
    await using server = await startRawServer((socket) => {
      waiting.push(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'))
      if (waiting.length % 2 === 0) for (const answer of waiting.splice(0)) answer()
    })
    expect(await run([server.url, '8'])).toEqual(Array(8).fill('ok'))
    expect(server.highestConnections).toBe(2)
  })

  test('a proxy is contacted, for plain http and for a tunnel to https', async () => {
    const { cert, key } = makeCertificate()
    const file = join(folder, 'ca.pem')
    writeFileSync(file, cert)
    await using proxy = await startTestProxy({ credentials: 'me:pass' })
    using plain = Bun.serve({ port: 0, fetch: () => new Response('plain') })
    using secure = Bun.serve({ port: 0, tls: { cert, key }, fetch: () => new Response('secure') })
    const env = { ALL_PROXY: `http://me:pass@${proxy.host}`, SSL_CERT_FILE: file }
    expect(await run([`http://127.0.0.1:${plain.port}/`], env)).toEqual(['plain'])
    expect(await run([`https://127.0.0.1:${secure.port}/`], env)).toEqual(['secure'])
    expect(proxy.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([
      `GET http://127.0.0.1:${plain.port}/`,
      `CONNECT 127.0.0.1:${secure.port}`,
    ])
  })

  test('an unknown authority is refused and one in NODE_EXTRA_CA_CERTS trusted', async () => {
    const { cert, key } = makeCertificate()
    const file = join(folder, 'extra.pem')
    writeFileSync(file, cert)
    using secure = Bun.serve({ port: 0, tls: { cert, key }, fetch: () => new Response('secure') })
    const url = `https://localhost:${secure.port}/`
    expect(await run([url])).toEqual(['network'])
    expect(await run([url], { NODE_EXTRA_CA_CERTS: file })).toEqual(['secure'])
  })
})
