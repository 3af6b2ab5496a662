/** The target of the entry with `rel` in Link headers (RFC 8288), as it is written; undefined when there is none. */
export function linkTarget(headers: readonly string[], rel: string): string | undefined {
  for (const header of headers) {
    for (const [, target, parameters = ''] of header.matchAll(
      /<([^>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)/g,
    )) {
      const found = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))/i.exec(parameters)
      const relations = (found?.[1] ?? found?.[2] ?? '').toLowerCase().split(/\s+/)
      if (relations.includes(rel)) return target
    }
  }
  return undefined
}
