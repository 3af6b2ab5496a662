import { isOid, type Oid } from '../../blob/oid.ts'

/** The blob that an ETag of the Hub names, in `"x"`, `W/"x"` or bare; undefined when it names none. */
export function oidOfEtag(etag: string | undefined): Oid | undefined {
  // An oid in quotes is far shorter, and the patterns below take longer the longer a run of quotes is.
  const bare = etag
    ?.slice(0, 256)
    .trim()
    .replace(/^[W/]+/, '')
    .replace(/^"+|"+$/g, '')
  return bare !== undefined && isOid(bare) ? bare : undefined
}
