/*
 * Every patience, pause, strike and slot count by which transfers are decided, with its unit, its reason and what was tried.
 * Names in …MS are ms, in …BYTES bytes, in …RATE bytes per ms, in …SHARE and …PAYS parts of one; the others are counts.
 *
 * What was tried stands as two numbers of `npm run simulate`: bytes from the Hub over the blob's size, and the time of the
 * last host over the least that is possible. As the numbers are now, 100 hosts that start together need 1.019 and 1.12
 * (200 MiB, seeds 7 to 9), 20 hosts of which the busiest is cut off midway ("cut") 1.006 and 1.12, 20 with one on a thin
 * link ("slow") 1.009 and 1.14 (100 MiB). "No difference" is less than 0.02 in all of these. "The bound" is twice the time
 * alone and 10 s, also with peers that lie: test/schedule/bound.property.test.ts tries a number against it in hundreds of hostile worlds.
 * Where neither is named the number follows from its reason and was not varied.
 */

/**
 * How often a transfer decides although nothing has happened, as only time shows that a source is silent. 50: no
 * difference; 800: 1.13 and 1.23, cut 1.25.
 */
export const TICK_MS = 200
/** No bytes for so long, and a range is cut and asked for again, unless the user says otherwise: the timeout of `hf download`. */
export const STALL_MS = 10_000
/** So long without a byte, and the user is told why. */
export const STANDSTILL_TOLD_MS = 1_500
/** A source that sends less than this within `STALL_MS` counts as silent: single bytes now and then are no progress. */
export const LEAST_MOVE_BYTES = 2 ** 12
/** Weight of a new measurement in running means: the last four or so count. 0.1: slow 1.22; 0.8: no difference. */
export const NEW_WEIGHT = 0.3

// How many at once.

/** Connections to the Hub at the most, all files together, unless the user says otherwise. */
export const HUB_CONNECTIONS = 16
/** Connections to the Hub with which a process begins, before it is known that more of them bring more. */
export const FIRST_HUB_CONNECTIONS = 4
/** How many members of a swarm ask the Hub, however many there are. 50: 1.39 and 1.50; 4: cut 1.06 and 1.20. */
export const MAX_HUB_MEMBERS = 16
/** Connections to the Hub that the members have together, or one each where they are more. 64: 1.18, slow 1.29; 4: no difference. */
export const SHARED_CONNECTIONS = 16
/**
 * Ranges from all peers at once: few, so that each is quick and a piece can travel on. 24: no difference at this size of
 * swarm; 3: 0.15 instead of 0.02 of the bytes from the Hub where one of 20 has them all.
 */
export const PEER_SLOTS = 8
/** Ranges from one peer at once. 1 and 8: no difference, but 0.86 and 0.78 instead of 0.82 where one of 20 has all. */
export const SLOTS_PER_PEER = 3
/**
 * Ranges that a peer sends at once: few as well, so that their receivers soon pass them on. 10: 1.14, cut 1.14, and 0.84
 * instead of 0.73 of the time where one of 20 has all; 3: no difference, but slow receivers could fill them. And to one
 * address: half of them and one.
 */
export const UPLOADS = 6
export const UPLOADS_PER_ADDRESS = 4
/** Streams of news that a peer holds open, and those to one address: several hosts may share one behind NAT. */
export const WATCHERS = 1024
export const WATCHERS_PER_ADDRESS = 64

// The beginning.

/**
 * Processes that start together find each other within this time; until then each begins at a place of its own,
 * so that little is fetched twice. Afterwards ownership keeps them apart, and all move forward through the blob.
 * 0 and 3000: no difference among hosts that meet within 200 ms, as they do where multicast works.
 */
export const SETTLING_MS = 700
/**
 * While it knows no peer yet, a process that has just begun keeps to one request to the Hub for this long. 0: cut
 * 1.015, spread over 10 s 1.043 instead of 1.032; 1000: no difference, but a host that is alone waits as long.
 */
export const LOOKING_FOR_PEERS_MS = 250
/**
 * Where the search for peers took longer than that, the machine is busy: however many peers are known, one request must do
 * for this long afterwards. Without it 24 hosts on two busy cores had four requests each to the Hub before all had met, of
 * which three were cut: a tenth of a copy that the Hub sent and nobody took.
 */
export const LOOKING_ON_MS = 500

// Which piece from the Hub.

/**
 * Stripes of neighbouring pieces with one owner in a blob: a request to the Hub must be worth its round trip. 32:
 * cut 1.012 instead of 1.006.
 */
export const AIMED_STRIPES = 256
/** A lone downloader's requests grow from one stripe to this many bytes. */
export const LONGEST_REQUEST_BYTES = 2 ** 25
/** A queue of another member that takes as long as so many pieces one after the other is worth help. 5: cut 1.15. */
export const LONG_QUEUE = 2
/** A member out of work fetches a piece, too, that another one has been at for longer than so many take. 1.2, 6: no difference. */
export const OVERDUE = 2.5
/** The shortest rest of a range at its present pace that is worth another connection to take over its second half. */
export const WORTH_SPLITTING_MS = 400
/**
 * The least patience with an owner that lands nothing, and how many times what a piece takes it is. 6000: cut 1.18; 12
 * pieces: cut 1.58, slow 1.33. A fixed patience of 15 s at the most made eight hosts on a thin uplink fetch 1.6 copies,
 * and fifty 31.
 */
export const MIN_OWNER_PATIENCE_MS = 1_500
export const PIECES_OF_PATIENCE = 4
/** What one connection to the Hub gives at the least, until a measurement says better. 4000: 1.06. */
export const LEAST_HUB_RATE = 256

// Which piece from which peer.

/** Longest run of pieces in one request to a peer that has everything. 1 and 32: no difference in a swarm. */
export const LONGEST_PEER_RUN = 8
/**
 * Pieces that are equally rare are taken in no common order within so many, and so many after so many, so that the hash of
 * the whole can follow. 8: 0.24 instead of 0.02 of the bytes from the Hub where one of 20 has them all.
 */
export const ORDER_WINDOW = 64
/**
 * From so many peers on that share, some hold what all others want and should send nothing else. Never:
 * 1.16; of a simulated thousand 970 were refused, and a fresh piece needed 6 s for its second copy.
 */
export const LARGE_CROWD = 16
/** A piece is rare while it has so many copies at the most; its holders should send nothing else in a large crowd. */
export const RARE_COPIES = 2
/** A piece with so many copies is to be had from a peer that holds nothing rare: more than count as rare, or none sends it. */
export const COMMON_COPIES = 3
/** How many may take a piece at once from each peer that has it. 1: cut 1.21; 8: cut 1.02 and 1.15. */
export const TAKERS_PER_COPY = 2
/** In this time as many more may take a piece as at once. 75: no difference; 1200: cut 1.15. */
export const QUEUE_STEP_MS = 300
/**
 * Where some peers are near and others far, each further peer of the zone waits so much longer before it takes a piece
 * from afar, as though it came so many places later for each copy that is near, and no longer than the last number. Of 50
 * hosts in 5 racks, each behind one host's link, 500 lets 23.6 copies cross between the racks instead of 4.7, and one rule
 * for near and far 35.9.
 */
export const FAR_STEP_MS = 1_500
export const NEAR_COPY_STEPS = 2
export const LONGEST_FAR_WAIT_MS = 4_000
/** How many times the cost of a near peer a far one counts as, where either may be asked. */
export const FAR_COST = 3
/** A peer that says it is full counts as though it had so many more ranges open. 1, 16: no difference. */
export const FULL_LOAD = 4

// Sources that fail.

/** Failures of a peer after which it is left alone for some seconds. 1: no difference. */
export const MAX_STRIKES = 3
/** How long a peer that failed once is not asked. */
export const PEER_PAUSE_MS = 1_000
/**
 * The same for one that is busy: an upload takes less than the second that Retry-After can say at the least.
 * 1000: cut 1.14, slow 1.16.
 */
export const BUSY_PEER_PAUSE_MS = 150
/**
 * How long a peer may send nothing at all while it is asked for bytes. Others have what it
 * has, and so has the Hub. 15,000: the bound holds.
 */
export const PEER_STALL_MS = 4_000
/** How long peers may show nothing new before a transfer that cannot ask the Hub is given up. */
export const NO_SOURCE_MS = 30_000
/** Failures of the Hub one after another, without progress in between, after which it is given up. */
export const MAX_HUB_FAILURES = 6
/** One response that makes no sense may be a proxy's or a CDN node's: it counts as so many failures, and not as final. */
export const ODD_RESPONSE_FAILURES = 3
/** Bytes from a broken request to the Hub that count as progress, as the next one goes on behind them. */
export const WORTH_GOING_ON_BYTES = 2 ** 14
/** The pause after a failure that followed progress: where a link cuts every response short, the next request follows at once. */
export const GO_ON_MS = 50
/** The pauses after other failures, one after the other; the half of each is by chance, so that many do not come back at once. */
export const HUB_BACKOFF_MS = [500, 1_000, 2_000, 4_000, 8_000] as const
/** The longest wait that a Retry-After may impose: the Hub's own limits are counted in windows of 300 s. */
export const LONGEST_WAIT_MS = 310_000

// Ranges that are late.

/** Second requests gather their piece in memory: so many bytes of them at the most at a time. */
export const HEDGE_BYTES = 2 ** 25
/**
 * A range whose peer sends nothing for this long gets a rival; one from the Hub has `stallMs` before it is cut. 250 and
 * never: no difference while PEER_STALL_MS is as it is; without either cut 2.01.
 */
export const HEDGE_AFTER_MS = 1_000
/** A range that needs this many times what another source would need is worth a rival. 1.2, never: no difference. */
export const SLOWER_BY = 3
/** A range from a peer has this long at the least before the Hub takes its place. 6000: the bound fails. */
export const LEAST_CHANCE_MS = 1_000
/** A range that needs no longer than this is never cut for another source. 0, 2000: no difference. */
export const WORTH_WAITING_MS = 300
/** A request to the Hub that is no longer needed runs on from this part of its piece on: to begin anew would cost more. */
export const HALF_DONE_SHARE = 1 / 2
/** One that is too many runs on from this part on: more may be in the socket already, and has crossed the uplink in vain. */
export const BEGUN_SHARE = 1 / 16
/** Peers are slow that give less than this all together, and less than half of what the Hub gives. 0, 10,000: no difference. */
export const MIN_USEFUL_RATE = 1_000
/** How long ranges from peers must have been open to be judged. */
export const SUPPLY_WINDOW_MS = 3_000

// How many connections to the Hub pay.

/** The part of a window in which connections may be unused without it saying less of what they bring. */
export const MOST_IDLE_SHARE = 0.2
/** Long enough for a new connection to reach its speed, short enough to finish growing within a few seconds. */
export const CONNECTIONS_WINDOW_MS = 400
/** Small files in flight at the beginning, and the span over which the ended ones are counted before there are more. */
export const FIRST_SMALL_FILES = 16
export const SMALL_FILES_WINDOW_MS = 200
/** How much faster more connections must be to be kept while the count still doubles, and in single steps later on. */
export const GROWTH_THAT_PAYS = 1.15
export const STEP_THAT_PAYS = 1.05
/** How long a count that was found best is kept before one more is tried. */
export const PROBE_EVERY_MS = 10_000
/**
 * How long no more connections are tried after the server complained: the first time, and at the most. Each time within
 * the latter doubles it. A CDN that had answered 503 three times kept a download at two connections of sixteen for half
 * a minute, while each further one would have brought as much again.
 */
export const FIRST_CALM_MS = 2_000
export const LONGEST_CALM_MS = 30_000

// How far peers may keep a transfer from the Hub.

/**
 * How long a transfer may wait for peers that bring nothing before it asks the Hub for everything, and how much
 * longer in a large crowd: of 1,000 that start together on a Hub of 100 Mbit/s some have not one byte after 7 s. The
 * bound that dfhf promises (twice the time alone, and 10 s) leaves room for no more. 9000: the bound fails.
 */
export const SWARM_PATIENCE_MS = 5_000
export const PATIENCE_IN_A_CROWD_MS = 3_000
/** So many peers are a large crowd; fewer count in proportion. */
export const CROWD = 50
/** As a share of the time that the Hub would need, the patience that a thin uplink earns: there first pieces take long. */
export const PATIENCE_SHARE = 0.3
/** Peers lose their patience at different moments, up to this much later: all at once would be a run on the Hub. */
export const SPREAD_MS = 1_000
/**
 * From this time on the Hub's speed is asked for where peers are not quick; in a crowd later, as with the patience, and
 * always before that ends. 9000: 50 hosts on a Hub of 20 Mbit/s fetch 6.6 copies; 1000: 1.10 and 1.21.
 */
export const DOUBT_MS = 4_000
export const DOUBT_IN_A_CROWD_MS = 1_000
/**
 * How much sooner doubt and the end of patience come where the peers of the transfer before brought nothing, and again for
 * each before that. A client that takes one file after the other from a daemon waited 4 s with each for the same useless
 * peers, and one second more than alone with each where only the first transfer counted.
 */
export const WARINESS_SHARE = 0.8
/** So long such a transfer is remembered. */
export const WARY_MS = 60_000
/** What peers must bring of a blob to count as useful. */
export const USEFUL_SHARE = 0.1
/** What good times earn at the most: for peers that brought much and then stop no transfer waits longer than this, too. */
export const MOST_CREDIT_MS = 4_000
/** Peers must bring so much of what the Hub would: then all that they hold back costs half of the time alone. */
export const SHARE_THAT_PAYS = 2 / 3
/** The first turn at the Hub alone; each further one is twice as long, as long as waiting goes on to bring nothing. */
export const FIRST_TURN_MS = 3_000
export const LONGEST_TURN_MS = 60_000
/** A turn goes on for as long as a Hub that failed was left alone in it, up to this: the fourth pause in a row. */
export const LONGEST_HOLD_MS = 4_000
/** How long peers may try again between two turns. 5000: the bound fails. */
export const RETRIAL_MS = 1_000
/** What one connection must have brought, within at least this time, or how long it must have taken, to be a measure. */
export const MEASURED_BYTES = 2 ** 18
export const MEASURED_QUICKLY_MS = 10
export const MEASURED_MS = 300
/** What comes more slowly comes on a broken connection, and is no measure of the Hub: one byte per 0.3 s was seen. */
export const LEAST_HUB_CONNECTION_RATE = 2
/** How long many connections together must have been at work to be a measure. */
export const MEASURED_TOGETHER_MS = 400
/**
 * The same among so few peers. 400: with one connection that dripped, a Hub was taken for half as fast as it was, and a peer
 * that brought two fifths of it kept a download for 2.2 times its time alone. Among 50 peers 1,600 would cost half a copy.
 */
export const MEASURED_WELL_MS = 1_600
export const FEW_PEERS = 3
/** The window in which the most that the Hub has brought is looked for. */
export const HUB_RATE_WINDOW_MS = 1_000
/** Half-life of what was measured. */
export const MEMORY_MS = 4_000
/** While each of many connections brings this share of what the best one brought, more of them would bring more. */
export const STILL_GROWS_SHARE = 0.7
/** What peers bring within this time needs no question of how fast the Hub is. 30,000: the bound fails. */
export const SOON_MS = 9_500
/** Peers bring something when it is so many bytes within so many ms. */
export const SOME_BYTES = 2 ** 12
export const SOME_MS = 2_000
/** What the trials of all peers together may cost, as a share of the blob's size. */
export const COST_OF_TRIALS_SHARE = 0.01

// Wrong bytes.

/** How long peers may take to name the digests of pieces. They only say where to look first. */
export const DIGESTS_MS = 3_000
/** So many suspects are compared at once; when none is wrong, fetching all the rest again takes less time than comparing more. */
export const MOST_COMPARED = 4
/**
 * How long the first request for a suspect's bytes may take before another goes on behind them; each further one may take
 * twice as long. One connection that drips held a whole blob back for minutes, while every other one was quick.
 */
export const SUSPECT_PATIENCE_MS = 2_000

// Small blobs, many by one request to a peer.

/** Blobs and bytes of the first request to a peer, which may prove to have none of them or to bring them slowly. */
export const FIRST_BUNDLE_BLOBS = 64
export const FIRST_BUNDLE_BYTES = 2 ** 20
/** Of each later one, while the peer is quick. */
export const LARGEST_BUNDLE_BLOBS = 512
export const LARGEST_BUNDLE_BYTES = 2 ** 21
/** A peer that is quicker than this with one request gets a larger one next, in ms. */
export const QUICK_BUNDLE_MS = 500
/** A request may take so long, in ms, and besides what its bytes take at so many a ms; the Hub is asked for what is missing then. */
export const BUNDLE_GRACE_MS = 1_000
export const LEAST_BUNDLE_RATE = 4_000
/** Requests under way at once, to one peer and to all. */
export const BUNDLES_PER_PEER = 2
export const BUNDLES = 4
/** How long all requests that brought nothing may take together, in ms, and how many there may be. The Hub is asked from then on. */
export const MOST_BUNDLE_WASTE_MS = 3_000
export const MOST_FRUITLESS_BUNDLES = 8
/** The part of the time of requests that brought all that is forgiven. */
export const FORGIVEN_SHARE = 0.25
/** How long a peer is not asked that brought nothing, in ms. */
export const BUNDLE_PAUSE_MS = 10_000
