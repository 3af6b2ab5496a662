const types: Record<string, string> = {
  json: 'application/json',
  md: 'text/plain; charset=utf-8',
  py: 'text/plain; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
  gitattributes: 'text/plain; charset=utf-8',
}

/** The media type by a file name's ending. */
export function contentType(name: string): string {
  return types[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream'
}

/** Whether the Hub would compress it. */
export function isCompressible(name: string): boolean {
  return contentType(name) !== 'application/octet-stream'
}
