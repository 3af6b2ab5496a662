import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FollowedFiles } from '../../src/storage/files/followed-files.ts'

const folder = await mkdtemp(join(tmpdir(), 'dfhf-followed-'))
afterAll(() => rm(folder, { recursive: true }))
let root: string
beforeEach(async () => {
  root = await mkdtemp(join(folder, 'of-'))
})

/** Lays files out as a kubelet does: names that lead over one link, which is turned at once for all of them. */
async function turnTo(version: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(root, version))
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, version, name), text)
  await symlink(version, join(root, '..data_tmp'))
  await rename(join(root, '..data_tmp'), join(root, '..data'))
}

async function follow(names: readonly string[]) {
  const paths = names.map((name) => join(root, name))
  const told: string[] = []
  const files = await FollowedFiles.open({
    paths,
    read: async () => {
      const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')))
      if (texts.includes('bad')) throw new Error('bad text')
      return texts.join('+')
    },
    onChange: (value) => told.push(value),
    onFailure: (error) => told.push(String(error)),
  })
  return { files, told }
}

describe('files that are followed', () => {
  test('are read anew when a link above them is turned', async () => {
    await turnTo('v1', { key: 'one', cert: 'first' })
    for (const name of ['key', 'cert']) await symlink(join('..data', name), join(root, name))
    const { files, told } = await follow(['key', 'cert'])
    using _ = files
    await files.look()
    expect([files.value, told]).toEqual(['one+first', []])
    await turnTo('v2', { key: 'two', cert: 'second' })
    await Promise.all([files.look(), files.look()])
    expect([files.value, told]).toEqual(['two+second', ['two+second']])
  })

  test('are read anew when they are written or replaced', async () => {
    const path = join(root, 'key')
    await writeFile(path, 'one')
    const { files, told } = await follow(['key'])
    using _ = files
    await writeFile(path, 'two!')
    await files.look()
    await writeFile(`${path}.new`, 'six!')
    await rename(`${path}.new`, path)
    await files.look()
    expect(told).toEqual(['two!', 'six!'])
  })

  test('keep their value while they are missing or wrong, which is told once', async () => {
    const path = join(root, 'key')
    await writeFile(path, 'one')
    const { files, told } = await follow(['key'])
    using _ = files
    await writeFile(path, 'bad')
    for (let round = 0; round < 3; round += 1) await files.look()
    expect([files.value, told]).toEqual(['one', ['Error: bad text']])
    await rm(path)
    for (let round = 0; round < 3; round += 1) await files.look()
    expect([files.value, told.length]).toEqual(['one', 2])
    await writeFile(path, 'two')
    await files.look()
    expect([files.value, told.at(-1)]).toEqual(['two', 'two'])
  })
})
