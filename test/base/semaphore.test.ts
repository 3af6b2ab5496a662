import { expect, test } from 'bun:test'
import { Semaphore } from '../../src/base/semaphore.ts'

test('lets no more in than its limit, and all callers in the order of arrival', async () => {
  const semaphore = new Semaphore(2)
  const entered: number[] = []
  let inside = 0
  let most = 0
  await Promise.all(
    [0, 1, 2, 3, 4].map((number) =>
      semaphore.run(async () => {
        entered.push(number)
        inside += 1
        most = Math.max(most, inside)
        await Promise.resolve()
        inside -= 1
      }),
    ),
  )
  expect(entered).toEqual([0, 1, 2, 3, 4])
  expect(most).toBe(2)
})

test('gives the place back when the work fails', async () => {
  const semaphore = new Semaphore(1)
  await expect(semaphore.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await semaphore.run(async () => 'yes')).toBe('yes')
})

test('lets a waiter leave the queue by its signal, and the others keep their places', async () => {
  const semaphore = new Semaphore(1)
  const held = Promise.withResolvers<void>()
  const first = semaphore.run(() => held.promise)
  const stop = new AbortController()
  const second = semaphore.run(async () => 'second', stop.signal)
  const third = semaphore.run(async () => 'third')
  stop.abort()
  await expect(second).rejects.toMatchObject({ name: 'AbortError' })
  held.resolve()
  await first
  expect(await third).toBe('third')
})
