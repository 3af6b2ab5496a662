import { expect, test } from 'bun:test'
import { Listeners } from '../../src/base/listeners.ts'

test('each listener hears every event until it says otherwise', () => {
  const listeners = new Listeners<number>()
  const heard: string[] = []
  const endFirst = listeners.add((event) => heard.push(`first ${event}`))
  listeners.add((event) => heard.push(`second ${event}`))
  listeners.tell(1)
  endFirst()
  endFirst()
  listeners.tell(2)
  expect(heard).toEqual(['first 1', 'second 1', 'second 2'])
})
