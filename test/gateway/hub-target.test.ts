import { describe, expect, test } from 'bun:test'
import { parseHubTarget } from '../../src/gateway/mirror/hub-target.ts'

describe('a path on the Hub', () => {
  const model = (id: string) => ({ type: 'model', id }) as const
  test.each([
    [
      '/gpt2/resolve/main/a/b.json',
      { kind: 'file', repo: model('gpt2'), revision: 'main', path: 'a/b.json' },
    ],
    [
      '/datasets/o/n/resolve/refs%2Fconvert%2Fparquet/a%20b',
      { kind: 'file', repo: { type: 'dataset', id: 'o/n' }, revision: 'refs/convert/parquet', path: 'a b' },
    ],
    [
      `/api/resolve-cache/spaces/o/n/${'a'.repeat(40)}/x%2Fy`,
      { kind: 'file', repo: { type: 'space', id: 'o/n' }, revision: 'a'.repeat(40), path: 'x/y' },
    ],
    ['/api/models/o/n', { kind: 'api', repo: model('o/n'), verb: 'info' }],
    ['/api/models/gpt2/tree/main/a%2Fb', { kind: 'api', repo: model('gpt2'), verb: 'tree' }],
    ['/api/models/o/n/xet-read-token/main', { kind: 'xet-token' }],
    ['/o/n.git/info/refs', { kind: 'git', repo: model('o/n') }],
    ['/o/n/git-upload-pack', { kind: 'git', repo: model('o/n') }],
    ['/o/n.git/info/lfs/objects/batch', { kind: 'lfs-batch', repo: model('o/n') }],
    [
      `/o/n.git/info/lfs/objects/${'a'.repeat(64)}`,
      { kind: 'lfs-object', repo: model('o/n'), oid: 'a'.repeat(64) },
    ],
  ] as const)('%s is understood', (path, target) => {
    expect(parseHubTarget(path)).toEqual(target)
  })
  test.each([
    '/',
    '//',
    '/%',
    '/o/n/resolve/main/..%2f..%2fx',
    '/o/n/resolve/main',
    '/api/whoami-v2',
    '/a/b/c/d',
  ])('%s is passed on unread', (path) => {
    expect(parseHubTarget(path).kind).toBe('other')
  })
})
