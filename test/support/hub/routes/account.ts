import { type Caller, refusal } from '../access.ts'
import { type HttpAnswer, jsonAnswer } from '../http/message.ts'
import type { RevisionContext } from './context.ts'

/** Who the token belongs to. */
export function whoami(caller: Caller): HttpAnswer {
  if (typeof caller === 'string') return refusal(401, 'Invalid username or password.')
  return jsonAnswer({
    type: 'user',
    id: `user-${caller.name}`,
    name: caller.name,
    fullname: caller.name,
    isPro: false,
    orgs: [],
    auth: { type: 'access_token', accessToken: { displayName: 'test', role: 'read' } },
  })
}

/** A token for the Xet store, whose every use the CDN side counts as `cas`. */
export function xetReadToken({ cdnUrl, repo, commit }: RevisionContext): HttpAnswer {
  if (!repo.spec.xet) return refusal(404, 'Xet is not enabled for this repo', 'EntryNotFound', commit.id)
  const casUrl = `${cdnUrl}/cas`
  const accessToken = 'xet-access-token'
  const exp = Math.floor(Date.now() / 1000) + 900
  return jsonAnswer(
    { casUrl, accessToken, exp },
    { 'X-Xet-Cas-Url': casUrl, 'X-Xet-Access-Token': accessToken, 'X-Xet-Token-Expiration': String(exp) },
  )
}
