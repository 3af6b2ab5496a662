import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { readAuthorities, type TrustOptions, trustOptionsOf } from '../../src/http/connect/trust.ts'
import { createHttpClient } from '../../src/http/http-client.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import { makeCertificate } from '../support/hub/certificate.ts'

const { cert, key } = makeCertificate()

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-trust-'))
  const clean = () => rmSync(folder, { recursive: true })
  writeFileSync(join(folder, 'ca.pem'), `a comment\n${cert}`)
  writeFileSync(join(folder, 'empty.pem'), '')
  const result = work(folder)
  if (result instanceof Promise) return result.finally(clean) as T
  clean()
  return result
}

describe('trust', () => {
  test('an unknown authority is refused, with what to do', async () => {
    using server = Bun.serve({ port: 0, tls: { cert, key }, fetch: () => new Response('hi') })
    await using client = createHttpClient({ authorities: () => readAuthorities({}) })
    const error = await thrownBy(() => client.request({ url: `https://localhost:${server.port}/` }))
    expect(error).toMatchObject({ code: 'network', retryable: false })
    expect(error).toHaveProperty('hint', expect.stringContaining('NODE_EXTRA_CA_CERTS'))
  })

  test.each<[string, (folder: string) => TrustOptions]>([
    ['NODE_EXTRA_CA_CERTS', (folder) => ({ named: { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') } })],
    ['SSL_CERT_FILE', (folder) => ({ named: { SSL_CERT_FILE: join(folder, 'ca.pem') } })],
    ['CURL_CA_BUNDLE', (folder) => ({ named: { CURL_CA_BUNDLE: join(folder, 'ca.pem') } })],
    ['REQUESTS_CA_BUNDLE, a folder', (folder) => ({ named: { REQUESTS_CA_BUNDLE: folder } })],
    ['SSL_CERT_DIR', (folder) => ({ certDir: `/nowhere:${folder}` })],
    ['the system store', (folder) => ({ systemFiles: ['/nowhere', join(folder, 'ca.pem')] })],
  ])('an authority in %s is trusted', async (_, options) => {
    await inFolder(async (folder) => {
      using server = Bun.serve({ port: 0, tls: { cert, key }, fetch: () => new Response('hi') })
      await using client = createHttpClient({ authorities: () => readAuthorities(options(folder)) })
      const response = await client.request({ url: `https://localhost:${server.port}/` })
      expect(await response.text(10)).toBe('hi')
    })
  })

  test('an authority that is renewed counts for the next request, and what is under way ends as it began', async () => {
    const last = Promise.withResolvers<void>()
    const other = makeCertificate()
    const slowly = async function* () {
      yield Buffer.from('first ')
      await last.promise
      yield Buffer.from('last')
    }
    using before = Bun.serve({ port: 0, tls: { cert, key }, fetch: () => new Response(slowly()) })
    using after = Bun.serve({ port: 0, tls: other, fetch: () => new Response('hi') })
    let authorities = [cert]
    await using client = createHttpClient({ authorities: () => authorities })
    const ask = (port: number | undefined) => client.request({ url: `https://localhost:${port}/` })
    const slow = await ask(before.port)
    expect(await thrownBy(() => ask(after.port))).toMatchObject({ code: 'network' })
    authorities = [other.cert]
    client.renewTrust()
    expect(await (await ask(after.port)).text(10)).toBe('hi')
    expect(await thrownBy(() => ask(before.port))).toMatchObject({ code: 'network' })
    last.resolve()
    expect(await slow.text(20)).toBe('first last')
  })

  test('a certificate for another name is refused though its authority is trusted', async () => {
    using server = Bun.serve({ port: 0, tls: { cert, key }, fetch: () => new Response('hi') })
    await using client = createHttpClient({ authorities: () => [cert] })
    const error = await thrownBy(() => client.request({ url: `https://127.0.0.3:${server.port}/` }))
    expect(String(error)).toContain('for another name')
  })

  test('given authorities add to the built-in ones', () => {
    inFolder((folder) => {
      const authorities = readAuthorities({
        named: { SSL_CERT_FILE: join(folder, 'ca.pem') },
        systemFiles: [],
      })
      expect(authorities).toContain(cert.trim())
      expect(authorities).toHaveLength(rootCertificates.length + 1)
    })
  })

  test('a named file that cannot be used is an error, and says which variable', () => {
    inFolder((folder) => {
      expect(() => readAuthorities({ named: { SSL_CERT_FILE: '/nowhere' } })).toThrow(
        'SSL_CERT_FILE cannot be read',
      )
      expect(() => readAuthorities({ named: { NODE_EXTRA_CA_CERTS: join(folder, 'empty.pem') } })).toThrow(
        'NODE_EXTRA_CA_CERTS holds no PEM certificate',
      )
    })
  })

  test('an empty variable counts as none', () => {
    expect(readAuthorities({ ...trustOptionsOf({ SSL_CERT_FILE: '' }), systemFiles: [] })).toHaveLength(
      rootCertificates.length,
    )
  })
})
