import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type GatewayNode, startNode } from '../../test/support/gateway/gateway-node.ts'
import { pythonClient } from '../../test/support/gateway/python-client.ts'
import { dfhfBinary } from '../../test/support/program/binary.ts'
import { type BenchHub, fileName, repo } from './bench-hub.ts'
import { type Cost, measure } from './measure.ts'

/** The lines of the article's table, and for what is on this node also dfhf's own command. */
export const cases = {
  direct: 'hf_hub_download, direct',
  cold: 'hf_hub_download through dfhf, nobody has it',
  remote: 'hf_hub_download through dfhf, a remote peer has it',
  local: 'hf_hub_download through dfhf, this node has it',
  localByDfhf: 'dfhf download, this node has it',
  cached: 'hf_hub_download, the HF cache has it',
  cachedByDfhf: 'dfhf download, the HF cache has it',
} as const

export type CaseName = keyof typeof cases

/** What one run came to. */
export interface Measured {
  readonly name: CaseName
  /** From the start of the program to its end. */
  readonly wallMs: number
  /** The call in it that brings the file; for a command all of it. */
  readonly callMs: number
  /** Bytes that the Hub's CDN sent for it. */
  readonly hubBytes: number
}

const call = [
  'import time, huggingface_hub',
  'startedAt = time.perf_counter()',
  `huggingface_hub.hf_hub_download('${repo}', '${fileName}')`,
  'print((time.perf_counter() - startedAt) * 1000)',
].join('\n')

/** Addresses of the two nodes, so that the peer counts as another host by its address. */
const HERE = '127.0.0.1'
const REMOTE = '127.0.0.3'

/** Runs every case once, each on machines that know nothing but what the case says. */
export async function measureCases(
  hub: BenchHub,
  work: string,
  say: (text: string) => void,
): Promise<Measured[]> {
  const found: Measured[] = []
  const take = async (name: CaseName, run: () => Promise<Cost>) => {
    await measure(['sync'], {})
    await hub.hub.resetStats()
    const { wallMs, stdout } = await run()
    const callMs = /^[\d.]+$/.test(stdout.trim()) ? Number(stdout) : wallMs
    found.push({ name, wallMs, callMs, hubBytes: (await hub.hub.stats()).cdn.bodyBytes })
    say(`${cases[name]}: ${(callMs / 1000).toFixed(2)} s`)
  }
  const fetchBy = async (endpoint: string, name: string) => {
    const { python, env } = await pythonClient({
      version: 'hub-1',
      endpoint,
      home: join(work, name),
      xet: 'off',
    })
    return measure([python, '-c', call], env)
  }
  const forget = (name: string) => rmSync(join(work, name), { recursive: true, force: true })

  await take('direct', () => fetchBy(hub.url, 'direct'))
  forget('direct')
  await using remote = await startNode(hub.url, { seeds: [], host: REMOTE })
  await take('cold', () => fetchBy(remote.url, 'cold'))
  forget('cold')
  await using here = await startNode(hub.url, { seeds: [remote.peerAddress ?? ''], host: HERE })
  await take('remote', () => fetchBy(here.url, 'remote'))
  forget('remote')
  await take('local', () => fetchBy(here.url, 'user'))
  await take('localByDfhf', () => fetchByDfhf(here))
  await take('cached', () => fetchBy(here.url, 'user'))
  await take('cachedByDfhf', () => fetchByDfhf(here))
  forget('user')
  return found
}

/** dfhf's own command on the machine of a node; it finds the node's store by itself. */
async function fetchByDfhf({ machine }: GatewayNode): Promise<Cost> {
  return measure([await dfhfBinary(), 'download', repo, fileName, '--quiet'], machine.env)
}
