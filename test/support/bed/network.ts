/** A machine of the bed: a network namespace with one shaped link to the switch. */
export interface Node {
  readonly namespace: string
  /** Its addresses; the first is the one that others see. */
  readonly addresses: readonly string[]
  /** What to put before a command so that it runs there. */
  readonly prefix: readonly string[]
  /** Limits both directions of its link, in Mbit/s. */
  shape(mbit: number): Promise<void>
  /** Pulls the cable, or puts it back. */
  setLink(state: 'up' | 'down'): Promise<void>
  /** Bytes that have left it over its link, all headers included. */
  bytesSent(): Promise<number>
}

/** What a node is to be. */
export interface NodeSpec {
  readonly mbit: number
  /** @default 1 */
  readonly addresses?: number
}

/** Longest queue before a shaped link. */
const QUEUE_MS = 50
/** At least what a link sends in a clock tick of the kernel, and no packet is larger. */
const BURST_KB = 128

/**
 * The usual congestion control whatever this machine's own is; and no more in a sender's buffers than is about to
 * leave, so that what a server counts as sent is what went over its link.
 */
const TUNE = [
  'echo cubic > /proc/sys/net/ipv4/tcp_congestion_control || true',
  'echo 131072 > /proc/sys/net/ipv4/tcp_notsent_lowat',
].join('; ')

/**
 * Hosts on one switch, all of it in network namespaces, so that nothing of it touches the machine's own network.
 * Every namespace carries the network's name; dispose it, and everything is gone.
 */
export class BedNetwork implements AsyncDisposable {
  readonly name: string
  readonly #switch: string
  #nodes = 0
  #addresses = 0

  private constructor(name: string) {
    this.name = name
    this.#switch = `${name}-switch`
  }

  static async open(
    name = `dfhf-${process.pid.toString(36)}${Date.now().toString(36).slice(-4)}`,
  ): Promise<BedNetwork> {
    const network = new BedNetwork(name)
    const onSwitch = `ip -n ${network.#switch}`
    await runScript(`
      ip netns add ${network.#switch}
      ${onSwitch} link add bridge type bridge mcast_snooping 0
      ${onSwitch} link set bridge up
    `)
    return network
  }

  async addNode({ mbit, addresses: count = 1 }: NodeSpec): Promise<Node> {
    this.#nodes += 1
    const namespace = `${this.name}-${this.#nodes}`
    const port = `port${this.#nodes}`
    const addresses = Array.from({ length: count }, () => this.#nextAddress())
    const inside = `ip -n ${namespace}`
    const onSwitch = `ip -n ${this.#switch}`
    await runScript(`
      ip netns add ${namespace}
      ${inside} link add eth0 type veth peer name ${port} netns ${this.#switch}
      ${addresses.map((address) => `${inside} address add ${address}/16 brd + dev eth0`).join('\n')}
      ${inside} link set lo up
      ${inside} link set eth0 up
      ${onSwitch} link set ${port} master bridge up
      ip netns exec ${namespace} sh -c '${TUNE}'
    `)
    const shape = (rate: number) => {
      const limit = `root tbf rate ${rate}mbit burst ${BURST_KB}kb latency ${QUEUE_MS}ms`
      return runScript(`
        tc -n ${namespace} qdisc replace dev eth0 ${limit}
        tc -n ${this.#switch} qdisc replace dev ${port} ${limit}
      `)
    }
    await shape(mbit)
    return {
      namespace,
      addresses,
      prefix: ['ip', 'netns', 'exec', namespace],
      shape: async (rate) => void (await shape(rate)),
      setLink: async (state) => void (await runScript(`${onSwitch} link set ${port} ${state}`)),
      bytesSent: async () => {
        const text = await runScript(`${inside} -json -statistics link show eth0`)
        return (JSON.parse(text) as [{ stats64: { tx: { bytes: number } } }])[0].stats64.tx.bytes
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeNamespaces(`${this.name}-`)
  }

  #nextAddress(): string {
    this.#addresses += 1
    return `10.87.${Math.floor(this.#addresses / 250)}.${(this.#addresses % 250) + 1}`
  }
}

/** Removes every namespace whose name begins so; links and bridges in them go with them. */
async function removeNamespaces(prefix: string): Promise<void> {
  const names = (await runScript('ip netns list')).split('\n').map((line) => line.split(' ')[0] ?? '')
  for (const name of names) if (name.startsWith(prefix)) await runScript(`ip netns delete ${name}`)
}

async function runScript(script: string): Promise<string> {
  const child = Bun.spawn(['sh', '-ec', script], { stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code !== 0) throw new Error(`the network refused: ${stderr.trim()}\n${script}`)
  return stdout
}
