/**
 * What an evil peer does: wrong bytes with digests that fit them, claims without bytes, no end, noise for answers, no
 * place ever for a request, a new claim each second to fetch everything, or the end of each range byte by byte.
 */
export const evilModes = ['wrong-bytes', 'claims', 'stalls', 'garbage', 'busy', 'fetches', 'drips'] as const

export type EvilMode = (typeof evilModes)[number]

export function isEvilMode(text: string): text is EvilMode {
  return evilModes.some((mode) => mode === text)
}
