// The API server in one call: what `vitrine apiserver` runs, and what a test starts in its own process.
import { networkInterfaces } from 'node:os';
import { Catalogue } from '../api/catalogue.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { type Logger, silentLogger } from '../host/log.ts';
import { admissionWithout } from './admission/plugins.ts';
import { ClusterIPs } from './allocators/cluster-ips.ts';
import { NodePorts, readPortRange } from './allocators/node-ports.ts';
import { ServiceAllocator } from './allocators/services.ts';
import { type Authenticator, staticTokens } from './authentication/authenticate.ts';
import { TokenIssuer } from './authentication/service-account-tokens.ts';
import { newToken } from './authentication/token-file.ts';
import { MASTERS, type User } from './authentication/user.ts';
import { type Authorizer, alwaysAllow, mastersFirst } from './authorization/authorizer.ts';
import { advertise, bootstrap } from './bootstrap.ts';
import type { Pair } from './certificate-issuer.ts';
import { type ClusterCertificates, clusterCertificates } from './certificates.ts';
import { type Dial, directDial } from './connect/egress.ts';
import { Documents } from './http/documents.ts';
import { DEFAULT_LIMITS, InFlight, type Limits } from './http/in-flight.ts';
import { type Listener, listen } from './http/listener.ts';
import { compactLoop } from './loops/compaction.ts';
import { expireEventsLoop } from './loops/event-expiry.ts';
import { Metrics } from './metrics.ts';
import type { Registry } from './registry/registry.ts';
import type { Store } from './storage/store.ts';
import { Feeds } from './watch/feed.ts';

export interface ApiServerOptions {
  /** Closed by whoever opened it, after the server. */
  readonly store: Store;
  /** Why the store takes no more writes, once it does not: the health checks tell. */
  readonly storeProblem?: () => string | undefined;
  /** Default 127.0.0.1. */
  readonly bindAddress?: string;
  /** 0 (default): any free port. */
  readonly securePort?: number;
  readonly unixSocket?: string;
  /** Where the certificate authority and keys are kept; absent: in memory only. */
  readonly directory?: string;
  readonly certificate?: ClusterCertificates;
  /** Token → user; absent: one administrator with a random token. */
  readonly tokens?: ReadonlyMap<string, User>;
  /** PEM of the key that signs service accounts' tokens; absent: a new one. */
  readonly serviceAccountKey?: string;
  readonly authorizer?: Authorizer;
  /** The way to nodes and pods; default: this machine's own network. */
  readonly dial?: Dial;
  /** Names of admission plugins that are left out. */
  readonly disableAdmissionPlugins?: readonly string[];
  readonly serviceClusterIPRange?: string;
  readonly serviceNodePortRange?: string;
  /** Where pods and nodes reach this server; defaults: the bind address, and the port it listens on. */
  readonly advertiseAddress?: string;
  readonly advertisePort?: number;
  /** ms an Event lives; default an hour. */
  readonly eventTtlMs?: number;
  /** ms of history that is kept; default five minutes; 0: all of it. */
  readonly compactionIntervalMs?: number;
  /** How many requests are served at a time. */
  readonly inFlight?: Partial<Limits>;
  readonly clock?: Clock;
  readonly log?: Logger;
}

export interface ApiServer {
  /** `https://127.0.0.1:6443` */
  readonly url: string;
  /** PEM. */
  readonly caCert: string;
  /** Of an administrator. */
  readonly token: string;
  /** PEM of a certificate for a node's agent, by which this server knows it. */
  issueNode(nodeName: string, addresses: readonly string[]): Pair;
  /** Ends watches and connections; nothing of the server runs after it. */
  close(): Promise<void>;
}

const HOUR = 3600_000;
const COMPACTION_MS = 300_000;

/** Resolves when requests are served. Throws the system's error when the address cannot be had. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { store, clock = systemClock, log = silentLogger } = options;
  const range = options.serviceClusterIPRange ?? '10.96.0.0/16';
  const addresses = new ClusterIPs(range);
  const ports = new NodePorts(readPortRange(options.serviceNodePortRange ?? '30000-32767'));
  const catalogue = new Catalogue();
  const address = options.advertiseAddress ?? defaultAdvertiseAddress(options.bindAddress ?? '127.0.0.1');
  const certificate =
    options.certificate ??
    (await clusterCertificates({ directory: options.directory, names: servingNames(address, addresses.first) }));

  await bootstrap({
    store,
    catalogue,
    now: clock.now(),
    serviceCIDR: range,
    serviceIP: addresses.first,
    caCert: certificate.caCert,
  });
  const services = new ServiceAllocator(addresses, ports);
  services.adopt((await store.list('/services/')).entries);

  const tokens = new TokenIssuer(options.serviceAccountKey ?? TokenIssuer.newKey());
  const users = options.tokens ?? new Map([[newToken(), ADMIN]]);
  const authorizer = mastersFirst(options.authorizer ?? alwaysAllow);
  const feeds = new Feeds(store);
  const admission = admissionWithout(options.disableAdmissionPlugins ?? []);
  const registry: Registry = { store, catalogue, feeds, clock, services, admission, authorizer, tokens };
  const stopping = new AbortController();
  const metrics = new Metrics(
    new Map([
      ['etcd_mvcc_db_total_revision', { help: 'The newest revision of the store.', read: () => store.revision }],
    ]),
  );
  const documents = new Documents({
    catalogue,
    metrics,
    checks: [
      ['ping', () => undefined],
      ['etcd', options.storeProblem ?? ((): undefined => undefined)],
    ],
    address,
  });
  const open = new Set<Promise<void>>();
  const listener = await listen(
    {
      registry,
      documents,
      guards: { authenticators: [staticTokens(users), accountTokens(tokens, store, clock)], authorizer },
      metrics,
      log,
      dial: options.dial ?? directDial,
      identity: { client: certificate.kubeletClient, ca: certificate.caCert },
      inFlight: new InFlight({ ...DEFAULT_LIMITS, ...options.inFlight }),
      signal: stopping.signal,
      open,
    },
    {
      host: options.bindAddress ?? '127.0.0.1',
      port: options.securePort ?? 0,
      unixSocket: options.unixSocket,
      cert: certificate.cert,
      key: certificate.key,
    },
  );
  await advertise({ store, catalogue, now: clock.now(), address, port: options.advertisePort ?? listener.port });
  const loops = [
    compactLoop(store, {
      intervalMs: options.compactionIntervalMs ?? COMPACTION_MS,
      clock,
      log,
      signal: stopping.signal,
    }),
    expireEventsLoop(registry, { ttlMs: options.eventTtlMs ?? HOUR, log, signal: stopping.signal }),
  ];
  return {
    url: `https://${hostOf(options.bindAddress ?? '127.0.0.1')}:${listener.port}`,
    caCert: certificate.caCert,
    token: adminToken(users),
    issueNode: certificate.issueNode,
    close: () => close(stopping, open, listener, feeds, loops),
  };
}

const ADMIN: User = { name: 'admin', uid: 'admin', groups: [MASTERS] };

async function close(
  stopping: AbortController,
  open: ReadonlySet<Promise<void>>,
  listener: Listener,
  feeds: Feeds,
  loops: readonly Promise<void>[],
): Promise<void> {
  stopping.abort(new Error('the server is closing'));
  // What is being served is served; watches end by the signal.
  await Promise.all(open);
  await listener.close();
  feeds.close();
  await Promise.all(loops);
}

/** The first administrator's token. */
function adminToken(users: ReadonlyMap<string, User>): string {
  for (const [token, user] of users) if (user.groups.includes(MASTERS)) return token;
  return '';
}

/** A token is worth as much as its account: it ends with it, and with the pod it is bound to. */
function accountTokens(tokens: TokenIssuer, store: Store, clock: Clock): Authenticator {
  const isThere = (key: string, uid: string): boolean => {
    const entry = store.get(key);
    return entry !== undefined && JSON.parse(entry.value.toString()).metadata.uid === uid;
  };
  return tokens.authenticator(
    ({ namespace, name, uid, pod }) =>
      isThere(`/serviceaccounts/${namespace}/${name}`, uid) &&
      (!pod || isThere(`/pods/${namespace}/${pod.name}`, pod.uid)),
    clock.now,
  );
}

function servingNames(address: string, serviceIP: string): string[] {
  const service = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ];
  return [...new Set(['127.0.0.1', '::1', 'localhost', address, serviceIP, ...service])];
}

/** Endpoints cannot be on loopback: the host's first other address stands for it, if there is one. */
function defaultAdvertiseAddress(bindAddress: string): string {
  if (!/^(127\.|0\.0\.0\.0$|::1?$|localhost$)/.test(bindAddress)) return bindAddress;
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

function hostOf(bindAddress: string): string {
  if (bindAddress === '0.0.0.0' || bindAddress === '::') return '127.0.0.1';
  return bindAddress.includes(':') ? `[${bindAddress}]` : bindAddress;
}
