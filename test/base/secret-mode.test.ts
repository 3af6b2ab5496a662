import { expect, test } from 'bun:test'
import { isOpenToOthers } from '../../src/base/secret-mode.ts'

const self = { uid: 65534, groups: [65534, 2000] }

test('a secret is open to others by what they may do with it; the group that this process needs does not count', () => {
  for (const [mode, uid, gid, isOpen] of [
    [0o600, 65534, 65534, false],
    [0o400, 0, 0, false],
    [0o440, 0, 65534, false],
    [0o640, 0, 2000, false],
    [0o640, 65534, 65534, true],
    [0o440, 0, 0, true],
    [0o660, 0, 65534, true],
    [0o444, 0, 65534, true],
    [0o604, 65534, 65534, true],
    [0o602, 65534, 65534, true],
  ] as const) {
    const about = [mode.toString(8), uid, gid]
    expect([...about, isOpenToOthers({ mode, uid, gid }, self)]).toEqual([...about, isOpen])
  }
})

test('the type of a file in its mode does not matter', () => {
  expect(isOpenToOthers({ mode: 0o100600, uid: 0, gid: 0 }, self)).toBe(false)
})
