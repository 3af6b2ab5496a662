import { createHash } from 'node:crypto'
import type { Reply } from '../../gateway/message.ts'
import page from './page.html' with { type: 'text' }

const text = String(page)

/** The page may run its own script, use its own style and ask its own server, and nothing else. */
const policy = [
  "default-src 'none'",
  `script-src ${hashOf('script')}`,
  `style-src ${hashOf('style')}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The status page, which fills itself from the stream of events beside it. */
export function statusPage(): Reply {
  const body = new TextEncoder().encode(text)
  return {
    status: 200,
    headers: [
      ['Content-Type', 'text/html; charset=utf-8'],
      ['Content-Length', String(body.length)],
      ['Cache-Control', 'no-store'],
      ['Referrer-Policy', 'no-referrer'],
      ['Vary', 'Accept'],
    ],
    policy,
    body,
  }
}

function hashOf(tag: 'script' | 'style'): string {
  const content = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(text)?.[1] ?? ''
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`
}
