/** JSON of the Hub without the hashes by which a client would fetch from Xet's servers; the rest stays as it is. */
export function withoutXet(json: string): string {
  if (!json.includes('"xetHash"')) return json
  // Inside a string of JSON the quotes are escaped, so this finds keys alone.
  return json
    .replace(/,\s*"xetHash"\s*:\s*(?:"[^"]*"|null)/g, '')
    .replace(/"xetHash"\s*:\s*(?:"[^"]*"|null)\s*,?\s*/g, '')
}
