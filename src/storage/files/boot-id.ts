import { readFile } from 'node:fs/promises'
import { uptime } from 'node:os'

/** The boot time is known to some seconds only, and the clock may be set. */
const ROUNDING_MS = 60_000

/**
 * Names the time since the machine was last started: when it changes, bytes that were only in the page cache may be lost.
 * Elsewhere than on Linux it is the rounded boot time; a wrong "it changed" only costs some pieces.
 */
export async function readBootId(): Promise<string> {
  const text = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
  if (text !== '') return text.trim()
  return `booted ${Math.round((Date.now() - uptime() * 1000) / ROUNDING_MS)}`
}
