import { afterAll, beforeAll, expect, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { appendFile, cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadDecisionCode } from '../../scripts/simulate/decision-code.ts'

const top = join(import.meta.dir, '../..')
let repository: string

function git(...args: readonly string[]): void {
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost']
  execFileSync('git', ['-C', repository, ...who, ...args], { stdio: 'pipe' })
}

beforeAll(async () => {
  repository = await mkdtemp(join(tmpdir(), 'dfhf-rules-'))
  git('init', '-q')
  await cp(join(top, 'src'), join(repository, 'src'), { recursive: true })
  await appendFile(join(repository, 'src/schedule/stalled-peers.ts'), '\nexport const MARK = 1\n')
  git('add', '.')
  git('commit', '-qm', 'marked')
  git('tag', 'marked')
  // As it was before the decisions had a folder and their numbers a file of their own.
  await rename(join(repository, 'src/schedule'), join(repository, 'src/before'))
  const all = await Array.fromAsync(new Bun.Glob('src/**/*.ts').scan({ cwd: repository }))
  for (const path of all) {
    const text = await readFile(join(repository, path), 'utf8')
    await writeFile(
      join(repository, path),
      text
        .replaceAll('/schedule/', '/before/')
        .replaceAll('./tuning', './numbers')
        .replaceAll('before/tuning', 'before/numbers'),
    )
  }
  await rename(join(repository, 'src/before/tuning.ts'), join(repository, 'src/before/numbers.ts'))
  git('add', '-A')
  git('commit', '-qm', 'moved')
})

afterAll(() => rm(repository, { recursive: true, force: true }))

test('the current rule is the code of this checkout', async () => {
  const { code, missing } = await loadDecisionCode('current')
  const { Scheduler } = await import('../../src/schedule/scheduler.ts')
  const { PEER_SLOTS } = await import('../../src/schedule/tuning.ts')
  expect(missing).toEqual([])
  expect(code.Scheduler).toBe(Scheduler)
  expect(code.PEER_SLOTS).toBe(PEER_SLOTS)
})

test('another rule is all the code of its revision, and none of this checkout', async () => {
  const { code: current } = await loadDecisionCode('current')
  const { code, missing } = await loadDecisionCode('marked', repository)
  expect(missing).toEqual([])
  expect(code).toMatchObject({ MARK: 1 })
  for (const name of [
    'HubBudget',
    'PeerStrikes',
    'PieceBoard',
    'Scheduler',
    'pickNeighbours',
    'score',
    'stalledPeers',
    'startPiece',
  ] as const)
    expect(code[name], name).not.toBe(current[name])
})

test('a rule is found where its revision kept it, and what it has no module for is told', async () => {
  const { code: current } = await loadDecisionCode('current')
  const { code, missing } = await loadDecisionCode('HEAD', repository)
  expect(missing).toEqual(['tuning.ts'])
  expect(code).toMatchObject({ MARK: 1, PEER_SLOTS: current.PEER_SLOTS })
  expect(code.Scheduler).not.toBe(current.Scheduler)
})
