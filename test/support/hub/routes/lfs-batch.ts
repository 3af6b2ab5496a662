import { gateRefusal } from '../access.ts'
import { type HttpAnswer, jsonAnswer } from '../http/message.ts'
import type { RouteContext } from './context.ts'

interface BatchRequest {
  readonly operation?: string
  readonly objects?: readonly { readonly oid: string; readonly size: number }[]
}

/** git-lfs's batch API for downloads: a signed CDN URL for each object. */
export function lfsBatch(context: RouteContext): HttpAnswer {
  const { repo, caller, request } = context
  const refused = gateRefusal(caller, repo)
  if (refused) return refused
  const batch = JSON.parse(new TextDecoder().decode(request.body)) as BatchRequest
  const objects = (batch.objects ?? []).map(({ oid, size }) => {
    const file = repo.blob(oid)
    if (!file?.lfs) return { oid, size, error: { code: 404, message: 'Object does not exist' } }
    const href = context.signCdnUrl(repo, oid, oid)
    return {
      oid,
      size: file.size,
      authenticated: true,
      actions: { download: { href, header: {}, expires_in: 3600 } },
    }
  })
  const type = { 'Content-Type': 'application/vnd.git-lfs+json' }
  return jsonAnswer({ transfer: 'basic', hash_algo: 'sha256', objects }, type)
}
