import type { Log } from '../base/log.ts'
import type { PeerNode } from '../peer/peer-node.ts'
import type { OpenGateway } from '../serve/open-gateway.ts'

/** Takes no more work, lets what is under way end within the grace, and cuts the rest; says what happens. */
export async function leave(
  { gateway, node }: { readonly gateway: OpenGateway | undefined; readonly node: PeerNode | undefined },
  graceMs: number,
  log: Log,
): Promise<void> {
  const seconds = graceMs / 1000
  log.info(`leaving; what is under way has ${seconds} s to end, and a second signal cuts it`)
  const [cut = 0] = await Promise.all([gateway?.close(graceMs), node?.close({ graceMs })])
  if (cut > 0)
    log.warn(`requests that did not end within ${seconds} s and were cut: ${cut}; --grace gives more time`)
}
