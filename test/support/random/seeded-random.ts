/** Numbers from 0 to below 1 that look random and follow from `seed` (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A seed for a run of a test, or the one of DFHF_TEST_SEED; a test prints it when it fails, so that it can be repeated. */
export function runSeed(): number {
  return Number(process.env.DFHF_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
}
