import { DfhfError } from '../base/errors.ts'

/** Reads HF_ENDPOINT, slashes at the end dropped; throws `usage` for what is no http address. */
export function parseEndpoint(text: string): URL {
  const trimmed = text.trim().replace(/\/+$/, '')
  if (/^https?:\/\//i.test(trimmed) && URL.canParse(trimmed)) {
    const url = new URL(trimmed)
    if (url.search === '' && url.hash === '' && url.username === '' && url.password === '') return url
  }
  throw new DfhfError(
    'usage',
    `HF_ENDPOINT is no address of a Hub: '${trimmed.replace(/\/\/[^/@]*@/, '//…@')}'`,
    {
      hint: 'write it as https://huggingface.co',
    },
  )
}

/** The endpoint as addresses begin with it: no slash at the end. */
export function endpointText(endpoint: URL): string {
  return endpoint.href.replace(/\/+$/, '')
}
