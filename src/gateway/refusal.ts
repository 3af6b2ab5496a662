import { errorRow } from '../base/error-table.ts'
import { DfhfError } from '../base/errors.ts'
import { type HeaderLine, jsonReply, type Reply } from './message.ts'

/** A refusal in the Hub's form: the message in a header and in the body, where its clients look for it. */
export function refuse(status: number, message: string, headers: readonly HeaderLine[] = []): Reply {
  return jsonReply(status, { error: message }, [['X-Error-Message', headerText(message)], ...headers])
}

/** The refusal of what comes while the gateway stops. */
export function leaving(): Reply {
  return refuse(503, 'the gateway is stopping', [
    ['Connection', 'close'],
    ['Retry-After', '5'],
  ])
}

/** The refusal for any error that ended a request. */
export function refusalOf(error: unknown): Reply {
  if (!(error instanceof DfhfError))
    return refuse(errorRow('unexpected').status, 'the gateway failed; its log says why')
  const message = error.hint === undefined ? error.message : `${error.message}: ${error.hint}`
  const { status, hubCode } = errorRow(error.code)
  const headers: HeaderLine[] = hubCode === undefined ? [] : [['X-Error-Code', hubCode]]
  if (error.retryAfterMs !== undefined)
    headers.push(['Retry-After', String(Math.ceil(error.retryAfterMs / 1000))])
  return refuse(status, message, headers)
}

/** The same for a client that is dfhf itself, which makes the error anew from the code. */
export function refusalWithCode(error: unknown): Reply {
  const { status, headers } = refusalOf(error)
  const kept = headers.filter(([name]) => !/^content-/i.test(name))
  return jsonReply(status, describeError(error), kept)
}

/** An error as JSON, for a client that is dfhf itself. */
export function describeError(error: unknown): Record<string, string> {
  if (!(error instanceof DfhfError)) return { error: 'the node failed; its log says why', code: 'unexpected' }
  const { message, code, hint } = error
  return { error: message, code, ...(hint !== undefined && { hint }) }
}

/** A text as a header may carry it. */
export function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 500)
}
