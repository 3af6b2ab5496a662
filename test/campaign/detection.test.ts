import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkPrinted } from '../../scripts/campaign/check-files.ts'
import { checkMessages } from '../../scripts/campaign/check-messages.ts'
import { Findings } from '../../scripts/campaign/finding.ts'
import { SecretWatch } from '../../scripts/campaign/secret-watch.ts'
import { noise, PrivateWindows } from '../../scripts/campaign/true-bytes.ts'
import { Truth } from '../../scripts/campaign/truth.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'

const newFolder = temporaryFolders()

function watchOver(findings: Findings): SecretWatch {
  return new SecretWatch(findings, { secrets: ['hf_membersecret'], names: ['camp/hush-hush'] })
}

function kindsOf(findings: Findings): string[] {
  return findings.list().map(({ invariant }) => invariant)
}

test('private bytes are known again wherever they stand, and no others are taken for them', () => {
  const windows = new PrivateWindows()
  const secret = noise('secret', 300_000)
  windows.add(secret)
  for (const start of [0, 1, 4097, 250_000]) {
    const stolen = Buffer.concat([noise('around', 777), secret.subarray(start, start + 200)])
    expect(windows.find(stolen)).toBeDefined()
  }
  expect(windows.find(noise('open', 300_000))).toBeUndefined()
})

test('one wrong byte of a printed file is found', () => {
  const findings = new Findings()
  const file = new Truth().add('o/r', 'public', { path: 'w', size: 10_000, isLfs: true }, 'seed')
  const path = join(newFolder(), 'w')
  writeFileSync(path, file.bytes)
  checkPrinted(path, file, findings)
  expect(kindsOf(findings)).toEqual([])
  const wrong = Uint8Array.from(file.bytes)
  wrong[9999] = (wrong[9999] ?? 0) ^ 1
  writeFileSync(path, wrong)
  checkPrinted(path, file, findings)
  expect(kindsOf(findings)).toEqual(['wrong bytes'])
})

test('only the very bytes that the Hub inverts pass for its own', () => {
  const truth = new Truth([500])
  const file = truth.add('o/r', 'public', { path: 'w', size: 10_000, isLfs: true }, 'seed')
  const part = (begin: number, wrongAt?: number, mask = 0xff) => {
    const bytes = file.bytes.slice(begin, begin + 400)
    if (wrongAt !== undefined) bytes[wrongAt - begin] = (bytes[wrongAt - begin] ?? 0) ^ mask
    return truth.isAsSent(file, begin, bytes)
  }
  expect([part(300), part(300, 500), part(300, 501), part(300, 500, 1)]).toEqual([true, true, false, false])
  expect(truth.isAsSent(file, 9_900, new Uint8Array(101))).toBe(false)
})

test('tokens and names of private repos are found in what strangers are told', () => {
  const findings = new Findings()
  const watch = watchOver(findings)
  watch.lookAsStranger('GET /v1/blobs/aa/pieces?watch=1 HTTP/1.1\r\nhost: x', 'a peer')
  expect(kindsOf(findings)).toEqual([])
  watch.lookAsStranger('GET / HTTP/1.1\r\nAuthorization: Bearer other', 'a peer')
  watch.lookAsStranger('GET /v1/blobs/aa/pieces?repo=camp%2Fhush-hush HTTP/1.1', 'a peer')
  watch.look('the token is hf_membersecret', 'a log')
  expect(kindsOf(findings).sort()).toEqual(['private names', 'token off the Hub', 'token off the Hub'])
})

test('stacks, undocumented exits and a missing error line are found', () => {
  const judge = (code: number, stderr: string) => {
    const findings = new Findings()
    checkMessages(
      'x',
      { code, stdout: '', stderr },
      { findings, watch: watchOver(findings), wasKilled: false },
    )
    return kindsOf(findings)
  }
  expect(judge(6, 'dfhf: error: no network; try again\n')).toEqual([])
  expect(judge(1, 'dfhf: error: unexpected\n')).toEqual(['exit code'])
  expect(judge(7, '')).toEqual(['messages'])
  expect(judge(0, 'TypeError: x\n    at f (/$bunfs/root/dfhf:1:2)\n')).toEqual(['messages'])
  expect(judge(0, 'a \u001b[2J b\n')).toEqual(['messages'])
})
