// The API server in one call: what `vitrine apiserver` runs, and what a test starts in its own process.
import { networkInterfaces } from 'node:os';
import { Catalogue } from '../api/catalogue.ts';
import { type Family, formatAddress, hostPort, nthAddress } from '../api/ip.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { type Logger, silentLogger } from '../host/log.ts';
import { admissionWithout } from './admission/plugins.ts';
import { NodePorts, readPortRange } from './allocators/node-ports.ts';
import { readServiceRanges, ServiceRanges } from './allocators/service-ranges.ts';
import { ServiceAllocator } from './allocators/services.ts';
import { type Authentication, staticTokens } from './authentication/authenticate.ts';
import { boundObjects } from './authentication/bound-objects.ts';
import { TokenIssuer } from './authentication/service-account-tokens.ts';
import { newToken } from './authentication/token-file.ts';
import { MASTERS, type User } from './authentication/user.ts';
import { type Authorizer, alwaysAllow, mastersFirst } from './authorization/authorizer.ts';
import { advertise, bootstrap, serviceCIDROp } from './bootstrap.ts';
import type { Pair } from './certificate-issuer.ts';
import { type ClusterCertificates, clusterCertificates } from './certificates.ts';
import { NodeIdentity } from './connect/backend.ts';
import { type Dial, directDial } from './connect/egress.ts';
import { METRICS_KINDS } from './connect/metrics-kinds.ts';
import { Documents } from './http/documents.ts';
import { DEFAULT_LIMITS, InFlight, type Limits } from './http/in-flight.ts';
import { type Listener, listen } from './http/listener.ts';
import { type AddressRepairOptions, repairAddresses, repairAddressesLoop } from './loops/address-repair.ts';
import { compactLoop } from './loops/compaction.ts';
import { expireEventsLoop } from './loops/event-expiry.ts';
import { signCertificatesLoop } from './loops/sign-certificates.ts';
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
  readonly serviceAccountIssuer?: string;
  /** What this server calls itself; default: the issuer. */
  readonly apiAudiences?: readonly string[];
  /** Whether requests without credentials are let through, to do what anybody may; default true. */
  readonly anonymousAuth?: boolean;
  /** PEM: who vouches for clients' certificates, besides the server's own authority. */
  readonly clientCA?: string;
  /** PEM of a certificate (or chain) and its key to serve with, instead of one by the server's own authority. */
  readonly serving?: Pair;
  readonly authorizer?: Authorizer;
  /** The way to nodes and pods; default: this machine's own network. */
  readonly dial?: Dial;
  /** Whether metrics.k8s.io is served; default false, as upstream without metrics-server. */
  readonly metricsAPI?: boolean;
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
  const ranges = readServiceRanges(options.serviceClusterIPRange ?? '10.96.0.0/16');
  const families = ranges.map(({ family }) => family);
  const serviceIP = formatAddress(nthAddress(ranges[0], 1));
  const portRange = readPortRange(options.serviceNodePortRange ?? '30000-32767');
  const catalogue = new Catalogue();
  if (options.metricsAPI) for (const kind of METRICS_KINDS) catalogue.add(kind);
  const address = options.advertiseAddress ?? defaultAdvertiseAddress(options.bindAddress ?? '127.0.0.1', families[0]);
  const certificate =
    options.certificate ??
    (await clusterCertificates({ directory: options.directory, names: servingNames(address, serviceIP) }));

  await bootstrap({
    store,
    catalogue,
    now: clock.now(),
    serviceRanges: ranges,
    serviceIP,
    caCert: certificate.caCert,
  });
  const serviceRanges = new ServiceRanges(store);
  const services = new ServiceAllocator({ store, ranges: serviceRanges, ports: new NodePorts(portRange), families });
  services.adopt((await store.list('/services/')).entries);
  const repair: AddressRepairOptions = {
    registry: { store, catalogue, clock },
    ranges: serviceRanges,
    ports: portRange,
    defaultRange: () => serviceCIDROp({ store, catalogue, now: clock.now(), serviceRanges: ranges }),
    log,
  };
  await repairAddresses(repair);

  const tokens = new TokenIssuer(options.serviceAccountKey ?? TokenIssuer.newKey(), {
    issuer: options.serviceAccountIssuer,
    audiences: options.apiAudiences,
  });
  const users = options.tokens ?? new Map([[newToken(), ADMIN]]);
  const accounts = tokens.authenticator(boundObjects(store, clock), clock.now);
  const authentication: Authentication = {
    tokens: [staticTokens(users, tokens.audiences), accounts],
    audiences: tokens.audiences,
    allowsAnonymous: options.anonymousAuth ?? true,
  };
  const authorizer = mastersFirst(options.authorizer ?? alwaysAllow);
  const feeds = new Feeds(store);
  const admission = admissionWithout(options.disableAdmissionPlugins ?? []);
  const registry: Registry = {
    store,
    catalogue,
    feeds,
    clock,
    services,
    admission,
    authorizer,
    tokens,
    authentication,
  };
  const stopping = new AbortController();
  const metrics = new Metrics(
    new Map([
      ['etcd_mvcc_db_total_revision', { help: 'The newest revision of the store.', read: () => store.revision }],
    ]),
  );
  let advertisedPort = options.advertisePort ?? 0;
  const documents = new Documents({
    catalogue,
    metrics,
    checks: [
      ['ping', () => undefined],
      ['etcd', options.storeProblem ?? ((): undefined => undefined)],
    ],
    address: () => hostPort(address, advertisedPort),
    tokens,
  });
  const open = new Set<Promise<void>>();
  const listener = await listen(
    {
      registry,
      documents,
      guards: { authentication, authorizer },
      metrics,
      log,
      dial: options.dial ?? directDial,
      identity: new NodeIdentity(certificate.kubeletClient, certificate.caCert),
      inFlight: new InFlight({ ...DEFAULT_LIMITS, ...options.inFlight }),
      signal: stopping.signal,
      open,
    },
    {
      host: options.bindAddress ?? '127.0.0.1',
      port: options.securePort ?? 0,
      unixSocket: options.unixSocket,
      ...(options.serving ?? { cert: certificate.cert, key: certificate.key }),
      clientCA: `${certificate.caCert}${options.clientCA ?? ''}`,
    },
  );
  advertisedPort ||= listener.port;
  await advertise({ store, catalogue, now: clock.now(), address, port: advertisedPort });
  const loops = [
    compactLoop(store, {
      intervalMs: options.compactionIntervalMs ?? COMPACTION_MS,
      clock,
      log,
      signal: stopping.signal,
    }),
    repairAddressesLoop(repair, stopping.signal),
    signCertificatesLoop({ registry, grant: certificate.grant, log }, stopping.signal),
    expireEventsLoop(registry, { ttlMs: options.eventTtlMs ?? HOUR, log, signal: stopping.signal }),
  ];
  return {
    url: `https://${hostPort(reachable(options.bindAddress ?? '127.0.0.1'), listener.port)}`,
    caCert: options.serving ? `${certificate.caCert}${options.serving.cert}` : certificate.caCert,
    token: adminToken(users),
    issueNode: certificate.issueNode,
    async close() {
      await close(stopping, open, listener, feeds, loops);
      await serviceRanges.close();
    },
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
function defaultAdvertiseAddress(bindAddress: string, family: Family): string {
  if (!/^(127\.|0\.0\.0\.0$|::1?$|localhost$)/.test(bindAddress)) return bindAddress;
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outside = all.find((one) => one.family === family && !one.internal && !one.address.startsWith('fe80'));
  return outside?.address ?? (family === 'IPv4' ? '127.0.0.1' : '::1');
}

/** From this machine. */
const reachable = (bindAddress: string): string =>
  bindAddress === '0.0.0.0' || bindAddress === '::' ? '127.0.0.1' : bindAddress;
