import { expect, test } from 'bun:test'
import { isSwitchedOn } from '../../src/base/environment.ts'

test('a variable is on by the words of huggingface_hub alone, in any case', () => {
  expect(['1', 'on', 'Yes', 'TRUE', ' true '].map(isSwitchedOn)).not.toContain(false)
  expect([undefined, '0', 'off', 'no', 'false', '', 'y', '2'].map(isSwitchedOn)).not.toContain(true)
})
