import { isOid, type Oid } from '../blob/oid.ts'

/** The blob that an ETag of the Hub names, in `"x"`, `W/"x"` or bare; undefined when it names none. */
export function oidOfEtag(etag: string | undefined): Oid | undefined {
  const bare = etag
    ?.trim()
    .replace(/^[W/]+/, '')
    .replace(/^"+|"+$/g, '')
  return bare !== undefined && isOid(bare) ? bare : undefined
}
