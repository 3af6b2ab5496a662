/** Rejects with what `explain` says when the work takes longer. */
export async function withDeadline<T>(work: Promise<T>, ms: number, explain: () => string): Promise<T> {
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(explain())), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
