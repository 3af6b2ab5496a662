/** What an evil peer does: wrong bytes with digests that fit them, claims without bytes, no end, or noise for answers. */
export const evilModes = ['wrong-bytes', 'claims', 'stalls', 'garbage'] as const

export type EvilMode = (typeof evilModes)[number]

export function isEvilMode(text: string): text is EvilMode {
  return evilModes.some((mode) => mode === text)
}
