// The node agent (the kubelet's place): registers the node, keeps its lease, its network and its pods. It runs inside the node's
// network namespace. When it stops or is killed, containers and routes stay, and the next agent takes them over.
import { setMaxListeners } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Node } from '../api/types/core.v1.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import { Informer } from '../client/informer.ts';
import { nodes, services as servicesResource } from '../client/resources.ts';
import { Bell } from '../host/bell.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import type { CatalogOptions } from './images/catalog.ts';
import { keepLease } from './lease.ts';
import { enforcePolicies } from './network-policy/enforce.ts';
import { followNodes } from './pod-network/follow-nodes.ts';
import { HostPorts } from './pod-network/host-ports.ts';
import { PodNetwork } from './pod-network/pod-network.ts';
import { podCIDRsOf, RoutedPaths } from './pod-network/routes.ts';
import { raiseVxlan, removeVxlan, TunnelPaths } from './pod-network/vxlan.ts';
import { keepMirrorPods, type MirrorPod } from './pods/mirror-pods.ts';
import type { PodContext } from './pods/pod-context.ts';
import { assignedPods, runPods } from './pods/run-pods.ts';
import { readSandboxRecords } from './pods/sandbox-records.ts';
import { ProcessRuntime } from './process-runtime/process-runtime.ts';
import { keepNode, nodeResources } from './registration.ts';
import type { KnownImage, Runtime } from './runtime.ts';
import { UsageHistory } from './stats/usage-history.ts';
import { KUBELET_PORT, type ServingIdentity, serveStreams } from './streams/stream-server.ts';
import { furnishHost } from './volumes/host-path.ts';
import { FollowedObjects } from './volumes/references.ts';

export interface AgentOptions {
  readonly client: Client;
  readonly nodeName: string;
  /** One of each address family at most, the primary first. */
  readonly nodeIPs: readonly string[];
  /** Absolute path of the agent's own folder; the next agent of this node needs the same. */
  readonly directory: string;
  /** Of this program. */
  readonly version: string;
  /** Default 40, as the kubelet's; renewed every quarter of it. */
  readonly leaseDurationSeconds?: number;
  /** Default `10.96.0.10`. */
  readonly clusterDNS?: string;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** All pods' addresses; traffic to them is never masqueraded. */
  readonly clusterCIDRs?: readonly string[];
  /** How packets reach other nodes' pods: by the network between the nodes (`routes`, the default), or inside packets of the nodes. */
  readonly podNetwork?: 'routes' | 'vxlan';
  /** What runs beside the agent and shows up as a pod. */
  readonly mirrorPods?: readonly MirrorPod[];
  /** Who the agent is to the API server, which asks it for logs, commands and ports of its pods; absent: it cannot be asked. */
  readonly serving?: ServingIdentity;
  /** Where images are that were loaded by hand, and what becomes of unknown ones. */
  readonly images?: CatalogOptions;
  readonly clock?: Clock;
  readonly log: Logger;
  /** Stops the agent, not its pods. */
  readonly signal: AbortSignal;
}

/** Runs until `signal` aborts. Rejects when the node cannot be set up (no tools, no rights). */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { client, nodeName, nodeIPs, directory, version, log, clock = systemClock } = options;
  // What ends one loop with an error ends all of them.
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  setMaxListeners(0, signal); // every pod's worker listens to it
  await mkdir(directory, { recursive: true });
  const informer = new Informer({ client, resource: nodes, clock, log });
  const node = (): Node | undefined => informer.get(nodeName);
  const bell = new Bell();
  const mirrorBell = new Bell();
  let notReady: string | undefined = 'container runtime network not ready: the node has no podCIDR yet';
  let images: readonly KnownImage[] | undefined;
  const facts = () => ({ nodeName, nodeIPs, version, notReady, images });
  const ready = (): void => {
    notReady = undefined;
    bell.ring();
  };
  const seen = (found: readonly KnownImage[]): void => {
    if (isDeepStrictEqual(found, images)) return;
    images = found;
    bell.ring();
  };
  const ring = (object: Node): void => {
    if (object.metadata.name !== nodeName) return;
    bell.ring();
    mirrorBell.ring();
  };
  informer.addHandlers({ add: ring, update: ring, delete: ring });
  const recorder = new EventRecorder({ client, component: 'kubelet', host: nodeName, clock, log });
  const lease = { client, nodeName, leaseDurationSeconds: options.leaseDurationSeconds ?? 40, node, clock, log };
  const loops = [
    informer.run(signal),
    keepNode({ client, clock, log, facts, known: node, bell, recorder }, signal),
    keepLease(lease, signal),
    keepMirrorPods(
      { client, nodeName, hostIPs: nodeIPs, mirrorPods: options.mirrorPods ?? [], node, bell: mirrorBell, clock, log },
      signal,
    ),
    enforcePolicies({ client, nodeName, clock, log }, signal),
    runPodsWhenAssigned(options, { informer, ready, seen, clock, recorder }, signal),
  ];
  await Promise.all(loops.map((loop) => loop.catch((error: unknown) => failed.abort(error))));
  if (failed.signal.aborted) throw failed.signal.reason;
}

interface Beginning {
  readonly informer: Informer<Node>;
  ready(): void;
  seen(images: readonly KnownImage[]): void;
  readonly clock: Clock;
  readonly recorder: EventRecorder;
}

/** Pods need addresses: waits for the node's podCIDR, which the node IPAM controller assigns. */
async function runPodsWhenAssigned(
  options: AgentOptions,
  { informer, ready, seen, clock, recorder }: Beginning,
  signal: AbortSignal,
): Promise<void> {
  const { client, nodeName, nodeIPs, directory, clusterCIDRs = [], podNetwork, log } = options;
  const podCIDRs = await assignedPodCIDRs(informer, nodeName, signal);
  if (podCIDRs === undefined) return;
  const runtime = await ProcessRuntime.open({ directory, clock, images: options.images });
  const records = await readSandboxRecords(directory);
  const held = new Map(records.flatMap(({ podUID, addresses }) => (addresses ? [[podUID, addresses] as const] : [])));
  const isOverlay = podNetwork === 'vxlan';
  if (!isOverlay) await removeVxlan();
  const mtu = isOverlay ? await raiseVxlan(nodeIPs[0], podCIDRs) : undefined;
  const paths = isOverlay ? new TunnelPaths(podCIDRs) : new RoutedPaths(podCIDRs);
  const network = await PodNetwork.open({ podCIDRs, directory: `${directory}/network`, held, mtu });
  log.info({ podCIDRs, podNetwork }, 'the pod network is up');
  ready();
  const dns = {
    clusterDNS: options.clusterDNS ?? '10.96.0.10',
    clusterDomain: options.clusterDomain ?? 'cluster.local',
    nodeResolvConf: await readFile('/etc/resolv.conf', 'utf8').catch(() => ''), // a node without one has no DNS to share
  };
  const nodeHosts = await readFile('/etc/hosts', 'utf8').catch(() => ''); // a node without one names nobody
  await furnishHost(`${directory}/host`, nodeHosts);
  const services = new Informer({ client, resource: servicesResource, clock, log });
  const followed = new FollowedObjects({ client, clock, log });
  const context: PodContext = {
    client,
    runtime,
    network,
    hostPorts: new HostPorts(),
    recorder,
    clock,
    log,
    nodeName,
    hostIPs: nodeIPs,
    directory,
    dns,
    nodeHosts,
    services,
    followed,
    allocatable: nodeResources(),
  };
  const assigned = assignedPods(client, nodeName, log);
  const known = {
    find: (namespace: string, name: string) => assigned.get(`${namespace}/${name}`),
    list: () => assigned.list(),
  };
  const { serving, mirrorPods = [] } = options;
  const mirrorLogs = new Map(mirrorPods.flatMap(({ name, logFile }) => (logFile ? [[name, logFile] as const] : [])));
  const place = { host: nodeIPs[0], port: KUBELET_PORT };
  const usageHistory = new UsageHistory(runtime, clock);
  const streams = { runtime, pods: known, nodeName, usageHistory, mirrorLogs, clock, log };
  await Promise.all([
    runtime.run(signal),
    lookAtImages(runtime, seen, clock, signal),
    services.run(signal),
    followed.run(signal),
    serving && serveStreams({ ...serving, ...place }, streams, signal),
    serving && usageHistory.run(signal),
    followNodes({ nodes: informer, nodeName, paths, podCIDRs, clusterCIDRs, log }, signal),
    runPods(context, assigned, signal),
  ]);
}

/** ms between looks for images that have been loaded or removed. */
const IMAGES_MS = 60_000;

async function lookAtImages(
  runtime: Runtime,
  seen: Beginning['seen'],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    seen(await runtime.images());
    await clock.sleep(IMAGES_MS, signal).catch(() => {}); // rejects only by the signal
  }
}

async function assignedPodCIDRs(
  informer: Informer<Node>,
  nodeName: string,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  const bell = new Bell();
  const ring = (): void => bell.ring();
  informer.addHandlers({ add: ring, update: ring });
  while (!signal.aborted) {
    const node = informer.get(nodeName);
    const podCIDRs = node ? podCIDRsOf(node) : [];
    if (podCIDRs.length > 0) return podCIDRs;
    await bell.rung(signal);
  }
  return undefined;
}
