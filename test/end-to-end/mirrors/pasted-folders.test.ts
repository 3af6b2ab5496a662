import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'

setDefaultTimeout(60_000)

const files = {
  'ok.txt': 'ok\n',
  'app/[id]/page.txt': 'a page\n',
  'app/i/page.txt': 'another page\n',
  'sp ace/one.txt': 'one\n',
  'sp*/two.txt': 'two\n',
  'what?/three.txt': 'three\n',
  'su%62/four.txt': 'four\n',
  'sub/five.txt': 'five\n',
  'subway/six.txt': 'six\n',
}
const repos = [
  { id: 'o/r', commits: [files] },
  { id: 'o/d', type: 'dataset', commits: [files] },
] as const

function namesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

describe('the pasted address of a folder', () => {
  test.concurrent.each([
    ['o/r/tree/main/app/[id]', 'app/[id]/page.txt'],
    ['o/r/tree/main/app/%5Bid%5D', 'app/[id]/page.txt'],
    ['o/r/tree/main/sp%20ace?library=x#files', 'sp ace/one.txt'],
    ['o/r/tree/main/sp*', 'sp*/two.txt'],
    ['o/r/tree/main/what%3F/', 'what?/three.txt'],
    ['o/r/tree/main/su%2562', 'su%62/four.txt'],
    ['datasets/o/d/tree/main/sub', 'sub/five.txt'],
  ])('%s gives that folder alone', async (address, name) => {
    await using hub = await startTestHub({ repos })
    using machine = newMachine(hub.url)
    for (const page of [`https://huggingface.co/${address}`, `${hub.url}/${address}`]) {
      const result = await runDfhf(machine, ['download', page])
      expect(result.code, result.stderr).toBe(0)
      expect(namesBelow(result.stdout.trimEnd())).toEqual([name])
    }
  })

  test.concurrent.each([
    ['o/r/tree/main/none', "no folder 'none' in o/r at main"],
    ['o/r/tree/main/app/[no]', "no folder 'app/[no]' in o/r at main"],
    [
      'o/r/tree/main/ok.txt',
      "no folder 'ok.txt' in o/r at main; it is a file: write its name without a slash",
    ],
  ])('%s says that there is no such folder', async (address, words) => {
    await using hub = await startTestHub({ repos })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['download', `https://huggingface.co/${address}`])
    expect(result.code).toBe(3)
    expect(result.stderr).toContain(words)
  })

  test.concurrent('goes for hf:// as well', async () => {
    await using hub = await startTestHub({ repos })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['download', 'hf://datasets/o/d@main/app/[id]/'])
    expect(result.code, result.stderr).toBe(0)
    expect(namesBelow(result.stdout.trimEnd())).toEqual(['app/[id]/page.txt'])
  })
})
