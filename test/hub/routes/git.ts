import { type HttpAnswer, textAnswer } from '../http/message.ts'
import type { RouteContext } from './context.ts'

/** Smart HTTP for `git clone`. */
export function git(_context: RouteContext): HttpAnswer {
  return textAnswer(404, 'not yet')
}
