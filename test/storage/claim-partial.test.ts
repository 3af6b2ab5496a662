import { describe, expect, test } from 'bun:test'
import { linkSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readBootId } from '../../src/storage/files/boot-id.ts'
import { type ClaimOptions, claimPartial } from '../../src/storage/partial/claim-partial.ts'
import { JournalEncoder } from '../../src/storage/partial/journal-format.ts'
import { partialDataName, partialJournalName } from '../../src/storage/partial/partial-name.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { sampleOid } from '../swarm/samples.ts'

const temporaryFolder = temporaryFolders()
const stem = sampleOid()
/** What flock(2) says on file systems without it, and on those where it locks nothing. */
const noLocks: ClaimOptions = { lock: async () => 'unsupported' }
const emptyLocks: ClaimOptions = { lock: async () => 'acquired' }

/** Leaves a partial under a process's own name, as a killed process does. */
function leave(folder: string, suffix: string | undefined, data: string, bootId = ''): void {
  writeFileSync(join(folder, partialDataName(stem, suffix)), data)
  const about = { oid: stem, size: 3, pieceSize: 1, bootId }
  writeFileSync(join(folder, partialJournalName(stem, suffix)), new JournalEncoder().header(about))
}

/** What is in the files that several claims gave, each written to afterwards. */
async function claimAll(folder: string, options: ClaimOptions, count = 3) {
  const claims = await Promise.all(Array.from({ length: count }, () => claimPartial(folder, stem, options)))
  const contents = claims.map(({ path }) => readFileSync(path, 'utf8')).sort()
  claims.forEach(({ path }, index) => {
    writeFileSync(path, String(index))
  })
  claims.forEach(({ path }, index) => {
    expect(readFileSync(path, 'utf8')).toBe(String(index))
  })
  return { claims, contents }
}

describe.each([
  ['without locks', noLocks],
  ['with locks that lock nothing', emptyLocks],
  ['with locks', {}],
])('a partial on a file system %s', (_what, options) => {
  test('that was put down goes to one of those who want it, with its journal, and is put down again', async () => {
    const folder = temporaryFolder()
    leave(folder, undefined, 'data')
    const { claims, contents } = await claimAll(folder, options)
    expect(contents).toEqual(['', '', 'data'])
    expect(readdirSync(folder)).not.toContain(partialDataName(stem))
    const winner = claims.find(({ journalPath }) => readFileIfThere(journalPath) !== undefined)
    await winner?.giveBack()
    expect(readFileSync(join(folder, partialDataName(stem)), 'utf8')).toHaveLength(1)
    expect(readFileIfThere(join(folder, partialJournalName(stem)))).toHaveLength(88)
    for (const { handle } of claims) await handle.close()
  })

  test('is not put down in the place of another one', async () => {
    const folder = temporaryFolder()
    const claim = await claimPartial(folder, stem, options)
    leave(folder, undefined, 'data')
    await claim.giveBack()
    expect(readFileSync(join(folder, partialDataName(stem)), 'utf8')).toBe('data')
    expect(readdirSync(folder)).toHaveLength(3)
    await claim.handle.close()
  })

  test('with a second name is left alone, as it may be another user’s', async () => {
    const folder = temporaryFolder()
    leave(folder, undefined, 'data')
    linkSync(join(folder, partialDataName(stem)), join(folder, 'precious'))
    await using handle = (await claimPartial(folder, stem, options)).handle
    expect(await handle.readFile('utf8')).toBe('')
    expect(readFileSync(join(folder, 'precious'), 'utf8')).toBe('data')
  })
})

describe('a partial that a killed process left', () => {
  test.each([
    ['on a local disk is taken over', true, '0123abcd', 'an earlier boot', true],
    ['on a shared disk is taken over by the same machine', false, '0123abcd', 'now', true],
    ['on a shared disk is only copied by another one', false, '0123abcd', 'another', false],
    ['is only copied when its owner had no lock', true, '0123abcd0123abcd', 'now', false],
  ])('%s', async (_what, isLocal, suffix, boot, isTakenOver) => {
    const folder = temporaryFolder()
    leave(folder, suffix, 'data', boot === 'now' ? await readBootId() : boot)
    const claim = await claimPartial(folder, stem, { isLocal: async () => isLocal })
    await using _ = claim.handle
    const left = { path: join(folder, partialDataName(stem, suffix)) }
    if (isTakenOver) expect(claim).toMatchObject({ ...left, others: [] })
    else expect(claim).toMatchObject({ others: [left] })
    expect(await claim.handle.readFile('utf8')).toBe(isTakenOver ? 'data' : '')
  })

  test.each([noLocks, emptyLocks])('is only copied where locks tell nothing', async (options) => {
    const folder = temporaryFolder()
    leave(folder, '0123abcd', 'data', await readBootId())
    const { claims, contents } = await claimAll(folder, options)
    expect(contents).toEqual(['', '', ''])
    for (const { others } of claims) expect(others.length).toBeGreaterThan(0)
    expect(readFileSync(join(folder, partialDataName(stem, '0123abcd')), 'utf8')).toBe('data')
    for (const { handle } of claims) await handle.close()
  })
})

function readFileIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}
