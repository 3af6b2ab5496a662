import { describe, expect, test } from 'bun:test'
import { appendFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseOid } from '../../src/blob/oid.ts'
import { KeptSums } from '../../src/storage/partial/kept-sums.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'

const temporaryFolder = temporaryFolders()
const oidOf = (digit: string) => parseOid(digit.repeat(64))
const size = 3 * 2 ** 20
const sums = new Map([
  [0, 1],
  [2, 0xff_ff_ff],
])

describe('the sums of blobs', () => {
  test('are remembered for the next process, the latest of a blob', async () => {
    const folder = join(temporaryFolder(), 'state')
    await new KeptSums(folder).note(oidOf('a'), size, new Map([[0, 7]]))
    await new KeptSums(folder).note(oidOf('a'), size, sums)
    await new KeptSums(folder).note(oidOf('b'), size, new Map([[1, 9]]))
    const kept = new KeptSums(folder)
    expect(await kept.find(oidOf('a'), size)).toEqual(sums)
    expect(await kept.find(oidOf('a'), size + 1)).toEqual(new Map())
    expect(await kept.find(oidOf('c'), size)).toEqual(new Map())
    expect(await kept.oids()).toEqual(new Set([oidOf('a'), oidOf('b')]))
  })

  test('are not noted where none is known, or where there is no folder for them', async () => {
    const folder = temporaryFolder()
    await new KeptSums(folder).note(oidOf('a'), size, new Map([[0, 0]]))
    await new KeptSums(undefined).note(oidOf('a'), size, sums)
    expect(readdirSync(folder)).toEqual([])
    expect(await new KeptSums(undefined).find(oidOf('a'), size)).toEqual(new Map())
  })

  test('are read past lines that are torn or not of dfhf', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'piece-sums.jsonl')
    writeFileSync(
      path,
      `{}\n["x",1,"AAAA"]\n["${oidOf('a')}",${size},"AAAA"]\n["${oidOf('a')}",1e99,"AAAA"]\n[`,
    )
    appendFileSync(path, '\n')
    const kept = new KeptSums(folder)
    await kept.note(oidOf('b'), size, sums)
    expect(await kept.find(oidOf('a'), size)).toEqual(new Map())
    expect(await kept.find(oidOf('b'), size)).toEqual(sums)
  })

  test('of the older half of the blobs go when there are too many', async () => {
    const folder = temporaryFolder()
    const kept = new KeptSums(folder, 1000)
    const digits = [...'0123456789abcdef']
    for (const digit of digits) await kept.note(oidOf(digit), size, sums)
    expect(statSync(join(folder, 'piece-sums.jsonl')).size).toBeLessThanOrEqual(1000)
    expect(await kept.find(oidOf('f'), size)).toEqual(sums)
    expect(await kept.find(oidOf('0'), size)).toEqual(new Map())
    expect(readdirSync(folder)).toEqual(['piece-sums.jsonl'])
  })
})
