import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Contender } from './contenders.ts'
import { type Cost, measure } from './measure.ts'
import { type DownloadRow, toRow } from './report.ts'

/** How contenders are measured in turn. */
export interface RoundsOptions {
  readonly rounds: number
  /** Where each run gets a fresh folder. */
  readonly folder: string
  /** Has one round go before that does not count: it touches memory that the machine never used before. @default false */
  readonly warmsUp?: boolean
  /**
   * Removes the folders at the end alone: ext4 does not take the inodes of files that went a moment ago, and searches for
   * others. @default false
   */
  readonly keepsFolders?: boolean
  /** All bytes of one run. */
  readonly size?: number
}

/** Every contender once a round, in turn, with nothing left to write from before; the first one is the measure of the others. */
export async function measureRounds(
  contenders: readonly Contender[],
  options: RoundsOptions,
): Promise<DownloadRow[]> {
  const { rounds, folder, warmsUp = false, keepsFolders = false, size } = options
  const costs = new Map<Contender, Cost[]>(contenders.map((contender) => [contender, []]))
  const work = mkdtempSync(join(folder, 'rounds-'))
  try {
    for (let round = warmsUp ? 0 : 1; round <= rounds; round += 1) {
      for (const contender of contenders) {
        const target = mkdtempSync(join(work, 'target-'))
        await measure(['sync'], {})
        const cost = await contender.fetch(target)
        if (!keepsFolders) rmSync(target, { recursive: true })
        if (round === 0) continue
        costs.get(contender)?.push(cost)
        const { wallMs, cpuMs } = cost
        note(`round ${round}: ${contender.name} ${Math.round(wallMs)} ms, ${Math.round(cpuMs)} ms CPU`)
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  const [first] = contenders
  return contenders.map((contender) =>
    toRow(contender, costs.get(contender) ?? [], {
      ours: contender === first || first === undefined ? undefined : costs.get(first),
      ...(size !== undefined && { size }),
    }),
  )
}

/** Shows progress on stderr. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`)
}
