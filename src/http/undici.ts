import api from 'undici/lib/api/index.js'
import Agent from 'undici/lib/dispatcher/agent.js'
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js'
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js'

// The package's own index does this. It also loads fetch, WebSocket, mocks and caches, which takes 5 ms of every start.
Object.assign(Dispatcher.prototype, api)

export type { Dispatcher }
export { Agent, ProxyAgent }
