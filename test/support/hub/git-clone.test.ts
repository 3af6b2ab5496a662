import { afterAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { variedRepo } from './fixtures.ts'
import { startTestHub } from './test-hub.ts'

const folder = mkdtempSync(join(tmpdir(), 'dfhf-git-clone-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function run(args: readonly string[], cwd: string): Promise<string> {
  const env = { ...process.env, HOME: folder, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' }
  const child = Bun.spawn([...args], { cwd, env, stdout: 'pipe', stderr: 'pipe' })
  const [out, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  if ((await child.exited) !== 0) throw new Error(`${args.join(' ')}: ${errors}`)
  return out.trim()
}

const lacksGit = Bun.which('git') === null || Bun.which('git-lfs') === null

test.skipIf(lacksGit)('the test hub is a git remote whose LFS objects git-lfs fetches', async () => {
  const varied = variedRepo()
  const attributes = { '.gitattributes': '*.safetensors filter=lfs\n*.bin filter=lfs\n' }
  const commits = varied.commits.map((files) => ({ ...files, ...attributes }))
  await using hub = await startTestHub({
    users: [{ name: 'me', token: 'hf_me', access: [varied.id] }],
    repos: [{ ...varied, private: true, commits }],
  })
  const remote = `${hub.url.replace('//', '//me:hf_me@')}/${varied.id}`
  await run(['git', 'lfs', 'install'], folder)
  await run(['git', 'clone', '-q', remote, 'clone'], folder)
  const clone = join(folder, 'clone')
  const commit = hub.repo(varied.id).resolve('main')
  expect(await run(['git', 'rev-parse', 'HEAD'], clone)).toBe(commit?.id ?? '')
  expect(await run(['git', 'fsck', '--strict'], clone)).toBe('')
  const weights = readFileSync(join(clone, 'weights/model.safetensors'))
  const oid = commit?.files.get('weights/model.safetensors')?.oid
  expect(createHash('sha256').update(weights).digest('hex')).toBe(oid ?? '')
  expect(hub.stats().kinds['lfs-batch']?.requests).toBeGreaterThan(0)
  expect(hub.stats().violations).toEqual([])
})
