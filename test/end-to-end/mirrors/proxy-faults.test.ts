import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { startSocksServer } from '../../support/http/socks-server.ts'
import { makeCertificate } from '../../support/hub/certificate.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { type RunResult, runDfhf, startDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { expectExact, sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(180_000)
const size = 12_000_000
const repos = [weightsRepo(size)]
const { cert, key } = makeCertificate()

/** A server on loopback that does as told with each connection, gone when disposed. */
async function startServer(serve: (client: Socket) => void): Promise<AsyncDisposable & { host: string }> {
  const open = new Set<Socket>()
  const server = createServer((client) => {
    open.add(client)
    client.on('error', () => client.destroy())
    serve(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    host: `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    async [Symbol.asyncDispose]() {
      for (const client of open) client.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function expectLine(result: RunResult, code: number, says: string): void {
  expect(result.code, result.stderr).toBe(code)
  expect(result.stderr).toContain(says)
  expect(result.stderr.trimEnd().split('\n')).toHaveLength(1)
  expect(result.stderr).not.toContain('sekret')
}

async function downloadBy(proxy: string): Promise<RunResult> {
  await using hub = await startTestHub({ repos })
  using machine = newMachine(hub.url)
  return await runDfhf(machine, ['download', 'o/r', 't', '--quiet'], { env: { ALL_PROXY: proxy } })
}

describe('a SOCKS proxy', () => {
  test.concurrent('that is down is named as an HTTP proxy is', async () => {
    const { host } = await (async () => {
      await using gone = await startServer(() => {})
      return { host: gone.host }
    })()
    const result = await downloadBy(`socks5://me:sekret@${host}`)
    expectLine(result, 6, `cannot connect to the proxy ${host}: connection refused`)
  })

  test.concurrent('whose name does not resolve is named', async () => {
    // Longer than a name's part may be, so that it is looked up nowhere.
    const name = 'x'.repeat(64)
    expectLine(await downloadBy(`socks5h://${name}:1080`), 6, `cannot find the proxy ${name}`)
  })

  test('that is an HTTP server is no question of passwords', async () => {
    await using server = await startServer((client) =>
      client.once('data', () => client.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    )
    const result = await downloadBy(`socks5://${server.host}`)
    expectLine(result, 6, `the proxy ${server.host} does not speak SOCKS 5`)
  })

  test('that forbids the host is asked once', async () => {
    await using hub = await startTestHub({ repos })
    await using proxy = await startSocksServer({ refuse: 2 })
    using machine = newMachine(hub.url)
    const env = { ALL_PROXY: `socks5://${proxy.host}` }
    const result = await runDfhf(machine, ['download', 'o/r', 't', '--quiet'], { env })
    expectLine(result, 6, 'not allowed by its rules')
    expect(proxy.targets).toHaveLength(1)
  })

  test.each([
    ['password', `me:${'sekret'.repeat(50)}`],
    ['user', `${'x'.repeat(300)}:sekret`],
  ])('cannot be told a %s of 300 bytes', async (what, login) => {
    await using proxy = await startSocksServer({ credentials: 'me:pass' })
    const result = await downloadBy(`socks5://${login}@${proxy.host}`)
    expectLine(result, 2, `the ${what} for the proxy ${proxy.host} is longer than 255 bytes`)
  })

  test('is told a password without a user', async () => {
    await using proxy = await startSocksServer({ credentials: ':sekret' })
    expect((await downloadBy(`socks5://:sekret@${proxy.host}`)).code).toBe(0)
    const wrong = await downloadBy(`socks5://:sekret2@${proxy.host}`)
    expectLine(wrong, 6, 'does not accept the user or the password')
  })

  test('is never used for peers', async () => {
    await using hub = await startTestHub({ repos })
    await using proxy = await startSocksServer()
    using holder = newMachine(hub.url)
    using taker = newMachine(hub.url)
    const peers = { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1' }
    const first = await runDfhf(holder, ['download', 'o/r', 'w'], { env: peers })
    expectExact(hub, first)
    const sent = sentOf(hub)
    const args = ['serve', '--gateway', 'off', '--listen', '127.0.0.1:0']
    await using serving = await startDfhf(holder, args, { env: peers })
    const peer = `127.0.0.1:${await serving.told(/to peers on port (\d+)\n/)}`
    const env = { ...peers, DFHF_SEEDS: peer, ALL_PROXY: `socks5://${proxy.host}` }
    expectExact(hub, await runDfhf(taker, ['download', 'o/r', 'w', '--origin', 'never'], { env }))
    expect(sentOf(hub)).toBe(sent)
    expect(proxy.targets).toContain(new URL(hub.url).host)
    expect(proxy.targets).not.toContain(peer)
  })
})

describe('a bundle of authorities', () => {
  const broken = '-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n'

  for (const variable of ['CURL_CA_BUNDLE', 'REQUESTS_CA_BUNDLE', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'])
    test(`in ${variable} with a broken certificate beside good ones is named at once`, async () => {
      await using hub = await startTestHub({ repos, tls: { cert, key } })
      using machine = newMachine(hub.url)
      const file = join(machine.folder, 'ca.pem')
      writeFileSync(file, cert + broken)
      const args = ['download', 'o/r', 't', '--quiet']
      const result = await runDfhf(machine, args, { env: { [variable]: file } })
      // Bun reads its own variable too and warns of the file in a line before.
      const ours = result.stderr.replace(/^Warning: Ignoring extra certs.*\n/, '')
      expectLine(
        { ...result, stderr: ours },
        2,
        `the file in ${variable} holds a broken certificate: ${file}`,
      )
    })

  test('in a folder may lie beside a broken one', async () => {
    await using hub = await startTestHub({ repos, tls: { cert, key } })
    using machine = newMachine(hub.url)
    writeFileSync(join(machine.folder, 'good.pem'), cert)
    writeFileSync(join(machine.folder, 'broken.pem'), broken)
    const env = { SSL_CERT_DIR: machine.folder }
    expectExact(hub, await runDfhf(machine, ['download', 'o/r', 'w'], { env }))
  })
})
