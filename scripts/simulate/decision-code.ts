import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** The code that decides, as this checkout or another revision of it has it. */
export interface DecisionCode {
  readonly Scheduler: typeof import('../../src/schedule/scheduler.ts').Scheduler
  readonly PieceBoard: typeof import('../../src/schedule/piece-board.ts').PieceBoard
}

const root = resolve(import.meta.dirname, '../..')

/** Loads a rule: `current` is the code as it stands here, anything else names a git revision of it. */
export async function loadDecisionCode(rule: string): Promise<DecisionCode> {
  if (rule === 'current') return importFrom(root)
  const folder = unpack(rule)
  try {
    return await importFrom(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function importFrom(folder: string): Promise<DecisionCode> {
  // Revisions before the decisions had a folder of their own keep them in src/transfer.
  const decisions = ['src/schedule', 'src/transfer'].map((name) => join(folder, name))
  const home = decisions.find((name) => existsSync(join(name, 'scheduler.ts'))) ?? folder
  const [{ Scheduler }, { PieceBoard }] = await Promise.all([
    import(join(home, 'scheduler.ts')),
    import(join(home, 'piece-board.ts')),
  ])
  return { Scheduler, PieceBoard }
}

function unpack(revision: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-rule-'))
  const archive = execFileSync('git', ['-C', root, 'archive', revision, 'src'], { maxBuffer: 2 ** 28 })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}
