import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import * as ownership from '../../src/schedule/ownership.ts'
import * as peerStrikes from '../../src/schedule/peer-strikes.ts'
import * as pieceBoard from '../../src/schedule/piece-board.ts'
import * as scheduler from '../../src/schedule/scheduler.ts'
import * as stalledPeers from '../../src/schedule/stalled-peers.ts'
import * as tuning from '../../src/schedule/tuning.ts'
import * as neighbours from '../../src/swarm/client/neighbours.ts'
import * as hubBudget from '../../src/transfer/hub/hub-budget.ts'

/** The modules that decide and are called from here, by file name; each brings in what it needs of the same revision. */
const current = {
  'hub-budget.ts': hubBudget,
  'neighbours.ts': neighbours,
  'ownership.ts': ownership,
  'peer-strikes.ts': peerStrikes,
  'piece-board.ts': pieceBoard,
  'scheduler.ts': scheduler,
  'stalled-peers.ts': stalledPeers,
  'tuning.ts': tuning,
}

/** The code that decides, as this checkout or another revision of it has it. */
export type DecisionCode = typeof hubBudget &
  Pick<typeof neighbours, 'asksNewcomer' | 'MAX_NEIGHBOURS' | 'MEETING_POINTS' | 'pickNeighbours'> &
  Pick<typeof ownership, 'MEMBER_DRAW' | 'score' | 'startPiece'> &
  typeof peerStrikes &
  Pick<typeof pieceBoard, 'PieceBoard'> &
  Pick<typeof scheduler, 'Scheduler'> &
  typeof stalledPeers &
  typeof tuning

const root = resolve(import.meta.dirname, '../..')

/**
 * Loads a rule: `current` is the code as it stands here, anything else names a git revision of it. What that revision
 * does not have as a module of its own is this checkout's; `missing` names such modules. `repository` is this one unless given.
 */
export async function loadDecisionCode(
  rule: string,
  repository = root,
): Promise<{ readonly code: DecisionCode; readonly missing: readonly string[] }> {
  const code: DecisionCode = Object.assign({}, ...Object.values(current))
  if (rule === 'current') return { code, missing: [] }
  const folder = unpack(rule, repository)
  try {
    const places = placesOf(join(folder, 'src'))
    const missing: string[] = []
    for (const name of Object.keys(current)) {
      const place = places.get(name)
      if (place === undefined) missing.push(name)
      else Object.assign(code, await import(place))
    }
    return { code, missing }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Where each file stands, by its name: the folders were others before. */
function placesOf(folder: string): ReadonlyMap<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return new Map(paths.map((path) => [basename(path), join(folder, path)]))
}

function unpack(revision: string, repository: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-rule-'))
  const archive = execFileSync('git', ['-C', repository, 'archive', revision, 'src'], { maxBuffer: 2 ** 28 })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}
