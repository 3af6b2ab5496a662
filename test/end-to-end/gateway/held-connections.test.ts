import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, readlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { eventually } from '../../support/gateway/eventually.ts'
import { startNode } from '../../support/gateway/gateway-node.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(120_000)
const MB = 1_000_000

/** A connection that sends `text` and takes what comes; `closed` resolves when the other side ends it. */
function open(address: string, text: string): { readonly socket: Socket; readonly closed: Promise<void> } {
  const [host = '', port = ''] = address.split(':')
  const socket = connect(Number(port), host, () => void socket.write(text))
  const closed = Promise.withResolvers<void>()
  socket.on('data', () => {})
  socket.on('error', () => {})
  socket.on('close', () => closed.resolve())
  return { socket, closed: closed.promise }
}

/** A connection that sends `text` and never reads: one that is paused at its first bytes may have taken all by then. */
function holdUnread(address: string, text: string): Socket {
  const [host = '', port = ''] = address.split(':')
  const socket = connect(Number(port), host, () => void socket.write(text))
  socket.on('error', () => {})
  return socket.pause()
}

/** How many sockets a process has open. */
function socketsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`
  const isSocket = (name: string) => {
    try {
      return readlinkSync(`${folder}/${name}`).startsWith('socket:')
    } catch {
      return false
    }
  }
  return readdirSync(folder).filter(isSocket).length
}

describe('strangers that hold on to what they get: those', () => {
  test.concurrent('that send large bodies at once take a bounded memory, and the node answers on', async () => {
    await using hub = await startTestHub({
      repos: [weightsRepo(1000)],
      faults: [{ match: { kind: 'paths-info' }, delayMs: 3_000 }],
    })
    await using node = await startNode(hub.url)
    const body = new Uint8Array(60 * MB)
    const statuses = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const answer = await fetch(`${node.url}/api/models/o/r/paths-info/main`, {
          method: 'POST',
          body,
        }).catch(() => undefined)
        return answer?.status ?? 0
      }),
    )
    expect(statuses.some((status) => status === 429 || status === 0)).toBe(true)
    expect(node.peakMemory()).toBeLessThan(400 * MB)
    expect((await fetch(`${node.url}/o/r/resolve/main/t`)).status).toBe(200)
  })

  test.concurrent('that ask once and idle, or ask nothing, are let go by the gateway and the peer API', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(1000)] })
    await using node = await startNode(hub.url, { seeds: [] })
    const gateway = new URL(node.url).host
    const texts = ['GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 'GET /healthz HT', '']
    const idle = [gateway, node.peerAddress ?? ''].flatMap((address) =>
      texts.flatMap((text) => Array.from({ length: 20 }, () => open(address, text))),
    )
    await Promise.all(idle.map(({ closed }) => closed))
    expect((await fetch(`${node.url}/healthz`)).status).toBe(200)
  })

  test.concurrent('that never read an upload do not keep its place', async () => {
    const size = 64 * MB
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    await using node = await startNode(hub.url, { seeds: [] })
    const whole = await (await fetch(`${node.url}/o/r/resolve/main/w`)).arrayBuffer()
    expect(whole.byteLength).toBe(size)
    const oid = hub.repo('o/r').resolve('main')?.files.get('w')?.oid ?? expect.unreachable()
    // Each time on a connection of its own: on one that is kept a request gets the place of the one before it.
    const ask = () =>
      fetch(`http://${node.peerAddress}/v1/blobs/${oid}`, {
        headers: { range: 'bytes=0-9', connection: 'close' },
        keepalive: false,
      })
    // The blob is shown once the Hub has said that its repo is public.
    await eventually(
      async () => (await ask()).status,
      (status) => status === 206,
    )
    const before = socketsOf(node.running.pid)
    const text = `GET /v1/blobs/${oid} HTTP/1.1\r\nHost: x\r\n\r\n`
    const holders: Socket[] = []
    const count = async () => socketsOf(node.running.pid)
    // Until they have all the places that one address may have; one that is refused holds none.
    await eventually(
      async () => {
        holders.push(holdUnread(node.peerAddress ?? '', text))
        return (await ask()).status
      },
      (status) => status === 503,
    )
    await eventually(count, (open) => open <= before + 2, 60_000)
    await eventually(
      async () => (await ask()).status,
      (status) => status === 206,
    )
    for (const socket of holders) socket.destroy()
  })
})
