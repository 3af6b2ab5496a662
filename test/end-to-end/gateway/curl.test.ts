import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { connect } from 'node:net'
import { withDeadline } from '../../support/gateway/deadline.ts'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { hasPrograms } from '../../support/gateway/requirements.ts'
import { openContent } from '../../support/hub/content.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { oidOf, sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 3_000_000

interface Answer {
  readonly exitCode: number
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}

/** What curl gets; `-i` shows it all on one stream. */
async function curl(...args: string[]): Promise<Answer> {
  const child = Bun.spawn(['curl', '-sS', '-i', '--max-time', '30', ...args], {
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [bytes, exitCode] = await Promise.all([new Response(child.stdout).bytes(), child.exited])
  return { exitCode, ...parseAnswer(bytes) }
}

function parseAnswer(bytes: Uint8Array): Omit<Answer, 'exitCode'> {
  const end = Buffer.from(bytes).indexOf('\r\n\r\n')
  const [first = '', ...lines] = Buffer.from(bytes.subarray(0, end)).toString('latin1').split('\r\n')
  const headers = new Headers()
  for (const line of lines)
    headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
  return { status: Number(first.split(' ')[1]), headers, body: bytes.subarray(end + 4) }
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher('sha256').update(bytes).digest('hex')
}

/** The weights' bytes from the generator that the Hub has them from. */
function weights(start: number, end: number): Uint8Array {
  const target = new Uint8Array(end - start)
  openContent({ seed: 'weights', size }).read(start, target)
  return target
}

async function withNode(
  work: (parts: { hub: TestHub; node: GatewayNode; file: string; text: string }) => Promise<void>,
): Promise<void> {
  await using hub = await startTestHub({ repos: [weightsRepo(size)] })
  await using node = await startNode(hub.url)
  await work({ hub, node, file: `${node.url}/o/r/resolve/main/w`, text: `${node.url}/o/r/resolve/main/t` })
}

describe.skipIf(!hasPrograms('curl'))('curl at the gateway', () => {
  test('gets a whole file with the headers that clients read', () =>
    withNode(async ({ hub, file, text }) => {
      const large = await curl(file)
      expect(large.status).toBe(200)
      expect(sha256(large.body)).toBe(oidOf(hub))
      expect(large.headers.get('content-length')).toBe(String(size))
      expect(large.headers.get('accept-ranges')).toBe('bytes')
      expect(large.headers.get('x-repo-commit')).toBe(hub.repo('o/r').resolve('main')?.id ?? '')
      expect(large.headers.get('x-linked-size') ?? String(size)).toBe(String(size))
      expect(large.headers.get('etag')).toBe(`"${oidOf(hub)}"`)
      const small = await curl(text)
      expect(Buffer.from(small.body).toString()).toBe('text\n')
      expect(small.headers.get('etag')).toBe(`"${oidOf(hub, 't')}"`)
    }))

  test('gets the range that it asks for, before and after the file is here', () =>
    withNode(async ({ file }) => {
      for (let round = 0; round < 2; round += 1) {
        for (const [range, start, end] of [
          ['1000-1999', 1000, 2000],
          ['2999990-', 2_999_990, size],
          ['-7', size - 7, size],
          ['0-0', 0, 1],
          ['2900000-9999999', 2_900_000, size],
        ] as const) {
          const answer = await curl('-r', range, file)
          expect(answer.status, range).toBe(206)
          expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${size}`)
          expect(answer.headers.get('content-length')).toBe(String(end - start))
          expect(sha256(answer.body)).toBe(sha256(weights(start, end)))
        }
        expect(sha256((await curl(file)).body)).toBe(sha256(weights(0, size)))
      }
    }))

  test('gets several ranges as parts, or all of the file', () =>
    withNode(async ({ file }) => {
      const answer = await curl('-r', '0-9,100-109', file)
      if (answer.status === 206) {
        expect(answer.headers.get('content-type')).toStartWith('multipart/byteranges')
        expect(Buffer.from(answer.body).includes(Buffer.from(weights(100, 110)))).toBe(true)
      } else {
        expect(answer.status).toBe(200)
        expect(sha256(answer.body)).toBe(sha256(weights(0, size)))
      }
    }))

  test('is told 416 and the size for a range behind the end', () =>
    withNode(async ({ file }) => {
      const answer = await curl('-r', `${size}-`, file)
      expect(answer.status).toBe(416)
      expect(answer.headers.get('content-range')).toBe(`bytes */${size}`)
    }))

  test('is told 304 for what it has, at no byte from the CDN', () =>
    withNode(async ({ hub, file, text }) => {
      for (const [url, path] of [
        [file, 'w'],
        [text, 't'],
      ] as const) {
        const answer = await curl('-H', `If-None-Match: "${oidOf(hub, path)}"`, url)
        expect(answer.status, path).toBe(304)
        expect(answer.body).toBeEmpty()
        const other = await curl('-H', 'If-None-Match: "something-else"', url)
        expect(other.status, path).toBe(200)
      }
    }))

  test('asks by HEAD for everything but the bytes, which stay where they are', () =>
    withNode(async ({ hub, file, text }) => {
      for (const [url, path, length] of [
        [file, 'w', size],
        [text, 't', 5],
      ] as const) {
        const answer = await curl('-I', url)
        expect(answer.status).toBe(200)
        expect(answer.headers.get('content-length')).toBe(String(length))
        expect(answer.headers.get('etag')).toBe(`"${oidOf(hub, path)}"`)
        expect(answer.headers.get('location')).toBeNull()
        expect(answer.headers.get('content-encoding')).toBeNull()
      }
      expect(sentOf(hub)).toBe(0)
    }))

  test('goes on where an interrupted download ended', () =>
    withNode(async ({ file, node }) => {
      const path = `${node.machine.folder}/part`
      await Bun.write(path, weights(0, 1_234_567))
      const child = Bun.spawn(['curl', '-sS', '--max-time', '30', '-C', '-', '-o', path, file])
      expect(await child.exited).toBe(0)
      expect(sha256(await Bun.file(path).bytes())).toBe(sha256(weights(0, size)))
    }))

  test('may speak HTTP/1.0 and compress, and gets plain bytes', () =>
    withNode(async ({ hub, file, text }) => {
      const old = await curl('-0', file)
      expect(sha256(old.body)).toBe(oidOf(hub))
      expect(old.headers.get('transfer-encoding')).toBeNull()
      const packed = await curl('-H', 'Accept-Encoding: gzip, br', text)
      expect(packed.headers.get('content-encoding')).toBeNull()
      expect(Buffer.from(packed.body).toString()).toBe('text\n')
    }))

  test('finds an empty file', async () => {
    await using hub = await startTestHub({
      repos: [{ id: 'o/r', commits: [{ 'e.bin': { text: '', lfs: true }, e: '' }] }],
    })
    await using node = await startNode(hub.url)
    for (const path of ['e.bin', 'e']) {
      const answer = await curl(`${node.url}/o/r/resolve/main/${path}`)
      expect([answer.status, answer.headers.get('content-length'), answer.body.length]).toEqual([200, '0', 0])
    }
  })
})

describe('readers of one file', () => {
  const big = 24_000_000

  async function withSlowHub(
    work: (parts: { hub: TestHub; file: string; node: GatewayNode }) => Promise<void>,
  ): Promise<void> {
    await using hub = await startTestHub({ repos: [weightsRepo(big)], rates: { cdn: 12_000_000 } })
    await using node = await startNode(hub.url)
    await work({ hub, node, file: `${node.url}/o/r/resolve/main/w` })
  }

  test('one goes away on the way, and the others have it all, from one copy', () =>
    withSlowHub(async ({ hub, file }) => {
      const leaving = new AbortController()
      const left = await fetch(file, { signal: leaving.signal })
      const reader = left.body?.getReader()
      await reader?.read()
      const staying = [1, 2, 3].map(async () => sha256(await (await fetch(file)).bytes()))
      await hub.until(() => sentOf(hub) > big / 4)
      leaving.abort()
      expect(await Promise.all(staying)).toEqual([oidOf(hub), oidOf(hub), oidOf(hub)])
      expect(sentOf(hub)).toBeLessThanOrEqual(big * 1.02)
    }))

  test('all go away, and the next client goes on from what is here', () =>
    withSlowHub(async ({ hub, file }) => {
      const leaving = new AbortController()
      const left = await fetch(file, { signal: leaving.signal })
      await left.body?.getReader().read()
      await hub.until(() => sentOf(hub) > big / 3)
      leaving.abort()
      expect(sha256(await (await fetch(file)).bytes())).toBe(oidOf(hub))
      expect(sentOf(hub)).toBeLessThan(big * 1.1)
    }))

  test('read at different offsets at once, and each gets its own bytes', () =>
    withSlowHub(async ({ hub, file }) => {
      const read = async (start: number, end: number) => {
        const answer = await fetch(file, { headers: { Range: `bytes=${start}-${end - 1}` } })
        expect(answer.status).toBe(206)
        const bytes = await answer.bytes()
        const wanted = new Uint8Array(end - start)
        openContent({ seed: 'weights', size: big }).read(start, wanted)
        expect(sha256(bytes)).toBe(sha256(wanted))
      }
      await Promise.all([read(0, big), read(big - 5_000_000, big), read(7_777_777, 13_000_000)])
      expect(sentOf(hub)).toBeLessThanOrEqual(big * 1.02)
    }))

  test('see the first bytes long before the last ones came from the Hub', () =>
    withSlowHub(async ({ hub, file }) => {
      const answer = await fetch(file)
      const reader = answer.body?.getReader()
      await reader?.read()
      expect(sentOf(hub)).toBeLessThan(big / 2)
      await reader?.cancel()
    }))

  test('that stand still cost the others nothing', () =>
    withSlowHub(async ({ hub, file, node }) => {
      const { hostname, port } = new URL(node.url)
      const idle = connect(Number(port), hostname)
      idle.pause()
      idle.write(`GET /o/r/resolve/main/w HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`)
      const read = async () => sha256(await (await fetch(file)).bytes())
      const late = () => 'a reader waits for one that stands still'
      expect(await withDeadline(read(), 20_000, late)).toBe(oidOf(hub))
      idle.destroy()
    }))
})
