/** Asks again and again until the answer will do; throws with the last answer when it never does. */
export async function eventually<T>(
  ask: () => Promise<T>,
  willDo: (answer: T) => boolean,
  ms = 30_000,
): Promise<T> {
  const end = performance.now() + ms
  for (;;) {
    const answer = await ask()
    if (willDo(answer)) return answer
    if (performance.now() > end) throw new Error(`after ${ms} ms still: ${JSON.stringify(answer)}`)
    // What is asked for gives no sign when it changes: memory, another process's replies.
    await Bun.sleep(50)
  }
}
