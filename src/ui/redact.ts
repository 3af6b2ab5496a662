/**
 * `text` without what must not be printed: the secrets given, anything shaped like a token of the Hub, credentials
 * in a URL, and the query of a signed one.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  let safe = text
  for (const secret of secrets) if (secret.length >= 4) safe = safe.replaceAll(secret, '[secret]')
  return safe
    .replace(/\bhf_[A-Za-z0-9]{6,}/g, '[secret]')
    .replace(/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, '$1 [secret]')
    .replace(/(\bhttps?:\/\/)[^\s/@]+@/gi, '$1[secret]@')
    .replace(
      /(\bhttps?:\/\/[^\s?'"]+)\?[^\s'"]*(?:sign|policy|token|credential|key|auth)[^\s'"]*/gi,
      '$1?[secret]',
    )
}
