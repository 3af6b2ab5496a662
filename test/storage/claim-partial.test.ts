import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { claimPartial } from '../../src/storage/claim-partial.ts'
import { partialDataName, partialJournalName } from '../../src/storage/partial-name.ts'
import { temporaryFolders } from './temporary-folder.ts'

const temporaryFolder = temporaryFolders()
const stem = 'ab'.repeat(20)
/** What flock(2) says on a file system without it. */
const noLocks = async () => 'unsupported' as const

describe('a partial on a file system without locks', () => {
  test('goes to one of those who want it, with its journal, and is given back', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, partialDataName(stem)), 'data')
    writeFileSync(join(folder, partialJournalName(stem)), 'journal')
    const claims = await Promise.all([1, 2, 3].map(() => claimPartial(folder, stem, noLocks)))
    expect(new Set(claims.map(({ path }) => path)).size).toBe(3)
    const contents = await Promise.all(claims.map(({ handle }) => handle.readFile('utf8')))
    expect(contents.sort()).toEqual(['', '', 'data'])
    const winner = claims.find(({ path }) => readFileSync(path, 'utf8') === 'data')
    expect(readFileSync(winner?.journalPath ?? '', 'utf8')).toBe('journal')
    expect(readdirSync(folder)).not.toContain(partialDataName(stem))
    await winner?.giveBack()
    expect(readFileSync(join(folder, partialDataName(stem)), 'utf8')).toBe('data')
    expect(readFileSync(join(folder, partialJournalName(stem)), 'utf8')).toBe('journal')
    for (const { handle } of claims) await handle.close()
  })
})
