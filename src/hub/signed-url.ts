/** When a signed URL of the CDN stops working, in milliseconds since 1970; undefined when it does not say. */
export function signedUrlExpiry(url: URL): number | undefined {
  const query = url.searchParams
  return epochSeconds(query.get('Expires')) ?? amazonExpiry(query) ?? policyExpiry(query.get('Policy'))
}

function epochSeconds(text: string | null): number | undefined {
  return text !== null && /^\d{9,12}$/.test(text) ? Number(text) * 1000 : undefined
}

/** S3 and Google: the signing time as 20260131T235959Z and a lifetime in seconds. */
function amazonExpiry(query: URLSearchParams): number | undefined {
  for (const vendor of ['Amz', 'Goog']) {
    const [, year, month, day, hour, minute, second] =
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get(`X-${vendor}-Date`) ?? '') ?? []
    const lifetime = query.get(`X-${vendor}-Expires`)
    if (year === undefined || lifetime === null || !/^\d{1,9}$/.test(lifetime)) continue
    const signedMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
    if (!Number.isNaN(signedMs)) return signedMs + Number(lifetime) * 1000
  }
  return undefined
}

/** CloudFront's custom policy: base64 with `-_~` for `+=/`, a JSON that holds DateLessThan. */
function policyExpiry(policy: string | null): number | undefined {
  if (policy === null) return undefined
  const base64 = policy.replaceAll('-', '+').replaceAll('_', '=').replaceAll('~', '/')
  const text = Buffer.from(base64, 'base64').toString()
  return epochSeconds(/"DateLessThan"\s*:\s*\{\s*"AWS:EpochTime"\s*:\s*(\d+)/.exec(text)?.[1] ?? null)
}
