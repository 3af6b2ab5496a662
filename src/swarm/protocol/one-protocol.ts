import type { HttpClient } from '../../http/http-client.ts'
import { refuse } from './peer-reply.ts'
import { OtherProtocolError, otherProtocol, PEER_PROTOCOL, PROTOCOL_HEADER } from './protocol-version.ts'

/** Told of each peer that speaks another version. */
type OnOther = (error: OtherProtocolError) => void

/** The client with which peers are asked: it tells its version, and throws where a response is of another one. */
export function askOneProtocol(http: HttpClient, onOther: OnOther): HttpClient {
  return {
    ...http,
    async request(request) {
      const headers = { ...request.headers, [PROTOCOL_HEADER]: String(PEER_PROTOCOL) }
      const response = await http.request({ ...request, headers })
      const version = otherProtocol(response.headers.get(PROTOCOL_HEADER))
      if (version === undefined) return response
      await response.discard()
      const error = new OtherProtocolError(new URL(request.url).host, version)
      onOther(error)
      throw error
    },
  }
}

interface Handler<C> {
  handle(request: Request, connection: C): Promise<Response>
  introduce(response: Response): Response
  close(): void
}

/** The handler that tells its version in every reply, and refuses requests of another one. */
export function answerOneProtocol<C extends { readonly address: string }>(
  handler: Handler<C>,
  onOther: OnOther,
): Handler<C> {
  return {
    introduce: (response) => handler.introduce(response),
    close: () => handler.close(),
    async handle(request, connection) {
      const version = otherProtocol(request.headers.get(PROTOCOL_HEADER))
      if (version !== undefined) onOther(new OtherProtocolError(connection.address, version))
      const response =
        version === undefined
          ? await handler.handle(request, connection)
          : refuse(426, `version ${PEER_PROTOCOL} of the peer protocol is spoken here`)
      response.headers.set(PROTOCOL_HEADER, String(PEER_PROTOCOL))
      return response
    },
  }
}
