/** The headings of the help, in its order. */
export const groups = {
  what: 'What to get',
  where: 'Where to put it',
  hub: 'The Hub',
  peers: 'Peers',
  gateway: 'Gateway',
  store: 'Store',
  daemon: 'The daemon',
  speed: 'Speed',
  output: 'Output',
} as const
