import { describe, expect, test } from 'bun:test'
import { FIRST_SMALL_FILES, SMALL_FILES_WINDOW_MS } from '../../src/schedule/tuning.ts'
import { FilesInFlight, type FilesInFlightOptions } from '../../src/transfer/files-in-flight.ts'

interface Item {
  readonly isSmall: boolean
  readonly done: PromiseWithResolvers<void>
}

function items(count: number, isSmall = true): Item[] {
  return Array.from({ length: count }, () => ({ isSmall, done: Promise.withResolvers<void>() }))
}

/** A crowd whose clock stands until it is moved; `active` tells who is in. */
function crowd(options: Partial<FilesInFlightOptions<Item>> = {}) {
  const time = { now: 0 }
  const active: Item[] = []
  const files = new FilesInFlight<Item>({
    work: async (item) => {
      active.push(item)
      await item.done.promise
      active.splice(active.indexOf(item), 1)
    },
    isSmall: ({ isSmall }) => isSmall,
    mostSmall: 64,
    mostOthers: 2,
    ...options,
    clock: () => time.now,
  })
  const run = (all: readonly Item[]) => {
    files.add(all)
    return files.end()
  }
  /** Ends those that are in, `times` times, each after so many ms. */
  const pass = async (times: number, ms: number) => {
    for (let done = 0; done < times; done += 1) {
      time.now += ms
      for (const item of [...active]) item.done.resolve()
      await Bun.sleep(0)
    }
  }
  return { files, active, time, run, pass }
}

describe('many files in flight', () => {
  test('are no more than may be, and all are done in the end', async () => {
    const { active, run, pass } = crowd({ mostSmall: 5 })
    const running = run(items(12))
    expect(active).toHaveLength(5)
    await pass(3, 1)
    await running
    expect(active).toHaveLength(0)
  })

  test('grow in number while more of them end in a second', async () => {
    const { files, active, run, pass } = crowd()
    run(items(2_000))
    const before = active.length
    await pass(4, SMALL_FILES_WINDOW_MS)
    expect(active.length).toBe(64)
    expect(files.limit).toBe(64)
    expect(before).toBeLessThan(64)
  })

  test('stay as they are where more bring nothing', async () => {
    const { files, active, time, run } = crowd()
    run(items(400))
    const first = files.limit
    const limits: number[] = []
    // A server that ends eight files in every window, however many wait.
    for (let round = 0; round < 2; round += 1) {
      const [last, ...before] = active.slice(0, 8)
      for (const item of before) item.done.resolve()
      await Bun.sleep(0)
      time.now += SMALL_FILES_WINDOW_MS
      last?.done.resolve()
      await Bun.sleep(0)
      limits.push(files.limit)
    }
    expect(limits).toEqual([2 * first, first])
  })

  test('are fewer when the Hub asks for less', async () => {
    const held = { back: false }
    const { files, run, pass } = crowd({ isHeldBack: () => held.back })
    run(items(2_000))
    await pass(4, SMALL_FILES_WINDOW_MS)
    held.back = true
    await pass(1, SMALL_FILES_WINDOW_MS)
    expect(files.limit).toBe(32)
  })

  test('are no more than the requests that the Hub says it will take, and at least one', async () => {
    const budget: { left: number | undefined } = { left: 3 }
    const { files, active, run, pass } = crowd({ requestsLeft: () => budget.left })
    run(items(200))
    expect(active).toHaveLength(3)
    budget.left = 0
    await pass(1, 1)
    expect([files.limit, active.length]).toEqual([1, 1])
    budget.left = undefined
    await pass(1, 1)
    expect(active.length).toBe(FIRST_SMALL_FILES)
  })

  test('are few where they are large, and wait for the small ones before them', async () => {
    const { active, run, pass } = crowd()
    const running = run([...items(6), ...items(3, false)])
    expect(active).toHaveLength(6)
    await pass(1, 1)
    expect(active).toHaveLength(2)
    await pass(2, 1)
    await running
  })

  test('may come later: small ones overtake the large ones that wait, and those that work do not keep them out', async () => {
    const { files, active, pass } = crowd({ mostSmall: 2 })
    files.add(items(4, false))
    expect(active.map(({ isSmall }) => isSmall)).toEqual([false, false])
    files.add(items(3))
    const ended = files.end()
    expect(active.map(({ isSmall }) => isSmall)).toEqual([false, false, true, true])
    await pass(1, 1)
    expect(active.map(({ isSmall }) => isSmall)).toEqual([true, false])
    await pass(3, 1)
    await ended
    expect(active).toHaveLength(0)
  })

  test('come in the order in which they were added', async () => {
    const { files, active, pass } = crowd({ mostSmall: 1 })
    const [first, second, third] = items(3)
    if (!first || !second || !third) throw new Error('no items')
    files.add([first, second])
    files.add([third])
    const ended = files.end()
    const order: (Item | undefined)[] = []
    for (let at = 0; at < 3; at += 1) {
      order.push(active[0])
      await pass(1, 1)
    }
    await ended
    expect(order.map((item) => [first, second, third].indexOf(item as Item))).toEqual([0, 1, 2])
  })

  test('end with the first that fails', async () => {
    const { active, run } = crowd()
    const running = run(items(3))
    active[0]?.done.reject(new Error('broken'))
    expect(await running.catch((error: unknown) => error)).toMatchObject({ message: 'broken' })
  })
})
