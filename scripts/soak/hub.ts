import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type HubProcess, startHubProcess } from '../../test/support/hub/hub-process.ts'
import type { ListedFile } from './client.ts'

/** The one repo of the Hub. */
export const REPO = 'soak/files'
const SMALLEST = 1024

/** How many files of which sizes the Hub has. */
interface HubOptions {
  readonly files: number
  readonly largest: number
  readonly seed: number
}

/** A Hub in a process of its own, with as many files of each magnitude; `folder` holds its list. */
export async function startHub(
  folder: string,
  options: HubOptions,
  random: () => number,
): Promise<HubProcess> {
  const spread = Math.log(options.largest / SMALLEST)
  const names = Array.from({ length: options.files }, (_, index) => `file-${index}`)
  const commit = Object.fromEntries(
    names.map((name) => [
      name,
      {
        seed: `${options.seed} ${name}`,
        size: Math.round(SMALLEST * Math.exp(random() * spread)),
        lfs: true,
      },
    ]),
  )
  const config = join(folder, 'hub.json')
  writeFileSync(config, JSON.stringify({ repos: [{ id: REPO, commits: [commit] }] }))
  return await startHubProcess(['--config', config])
}

/** What the Hub has, as it lists it. */
export async function listFiles(hub: HubProcess): Promise<ListedFile[]> {
  const answer = await fetch(`${hub.url}/api/models/${REPO}/tree/main?recursive=true`)
  const entries = (await answer.json()) as { path: string; size: number; lfs?: { oid: string } }[]
  return entries.flatMap(({ path, size, lfs }) => (lfs ? [{ path, size, oid: lfs.oid }] : []))
}
