/** Draws `limit` entries without repetition by a partial Fisher-Yates shuffle of a copy. */
export function drawSome<T>(entries: readonly T[], limit: number, random: () => number): T[] {
  const pool = [...entries]
  const count = Math.min(limit, pool.length)
  for (let index = 0; index < count; index += 1) {
    const other = index + Math.floor(random() * (pool.length - index))
    const [a, b] = [pool[index], pool[other]]
    if (a === undefined || b === undefined) break
    pool[index] = b
    pool[other] = a
  }
  return pool.slice(0, count)
}
