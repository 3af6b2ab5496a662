import { parseHttpUrl, parsePlainHttpUrl, parseSeconds } from './parse-values.ts'
import { optional, required, toggle } from './setting.ts'
import { groups } from './setting-groups.ts'

/** Settings of how the Hub is reached. */
export const hubSettings = {
  endpoint: required(
    {
      flag: 'endpoint',
      value: '<url>',
      env: ['DFHF_ENDPOINT', 'HF_ENDPOINT'],
      group: groups.hub,
      help: 'address of the Hub',
    },
    'https://huggingface.co',
    parseHttpUrl,
  ),
  token: optional(
    {
      flag: 'token',
      value: '<token>',
      env: [],
      fallbackText: '$HF_TOKEN, then the file $HF_HOME/token',
      isFlagOnly: true,
      group: groups.hub,
      help: 'access token for private and gated repos; it goes to the Hub alone',
    },
    (text) => text,
  ),
  originProxy: optional(
    {
      flag: 'origin-proxy',
      value: '<url>',
      env: ['DFHF_ORIGIN_PROXY'],
      group: groups.hub,
      help: 'HTTP proxy that fetches blobs of the CDN, as dfdaemon does (http://127.0.0.1:4001); no token goes there',
    },
    parsePlainHttpUrl,
  ),
  trustEndpoint: toggle({
    flag: 'trust-endpoint',
    env: ['DFHF_TRUST_ENDPOINT'],
    group: groups.hub,
    help: "send the token to the endpoint by plain http too: it is the gateway of this node's own dfhf serve",
  }),
  offline: toggle({
    flag: 'offline',
    env: ['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'],
    group: groups.hub,
    help: 'ask nobody: use what is here or fail',
  }),
  etagTimeout: required(
    {
      flag: 'etag-timeout',
      value: '<seconds>',
      env: ['HF_HUB_ETAG_TIMEOUT'],
      fallbackText: '10',
      group: groups.hub,
      help: 'longest wait for an answer about a file',
    },
    10_000,
    parseSeconds,
  ),
  downloadTimeout: required(
    {
      flag: 'download-timeout',
      value: '<seconds>',
      env: ['HF_HUB_DOWNLOAD_TIMEOUT'],
      fallbackText: '10',
      group: groups.hub,
      help: 'longest wait for the next bytes of a file before they are asked for anew',
    },
    10_000,
    parseSeconds,
  ),
} as const
