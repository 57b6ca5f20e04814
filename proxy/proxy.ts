// kube-proxy, assembled: follows Services, EndpointSlices and its own Node, and keeps the kernel's rules as they say.
import { setMaxListeners } from 'node:events';
import { networkInterfaces } from 'node:os';
import { keyOf } from '../api/object.ts';
import type { Node } from '../api/types/core.v1.ts';
import type { EndpointSlice } from '../api/types/discovery.v1.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import { Informer } from '../client/informer.ts';
import { endpointSlices, nodes, services } from '../client/resources.ts';
import { Conntrack } from '../host/conntrack.ts';
import { check, type Exec } from '../host/exec.ts';
import { aborted } from '../host/lifecycle.ts';
import type { Logger } from '../host/log.ts';
import type { Backend } from './backend.ts';
import { EndpointSliceTracker, SLICE_SELECTOR } from './changes/endpoint-slices.ts';
import { SERVICE_SELECTOR, ServiceTracker } from './changes/services.ts';
import { configurationOf, shownConfiguration } from './configuration.ts';
import { healthAnswers, isHealthy, metricsAnswers, serveWhenFree } from './health.ts';
import { HealthCheckPorts } from './health-check-ports.ts';
import { IptablesBackend } from './iptables/backend.ts';
import { PlanMaker } from './make-plan.ts';
import { shown } from './malformed.ts';
import { ProxyMetrics } from './metrics.ts';
import { NftablesBackend } from './nftables/backend.ts';
import { type Interfaces, nodeFacts, type ProxyOptions } from './node-facts.ts';
import type { IPFamily, NodeFacts, Plan } from './plan.ts';
import { SyncLoop, type SyncReport } from './sync.ts';
import { ROUTE_LOCALNET, setSysctl } from './sysctls.ts';
import { makeTrial } from './trial.ts';

export type ProxyMode = Backend['name'];

/** Of Kubernetes, whose proxy this one is like. */
const VERSION = 'v1.36.3';

/** Informers, guards, servers and health checks of two families listen to one signal: some 15. Many more would be a leak. */
const MOST_LISTENERS = 30;

export const PROXY_MODES: readonly ProxyMode[] = ['iptables', 'nftables'];

export interface RunProxyOptions {
  readonly client: Client;
  readonly mode: ProxyMode;
  readonly options: ProxyOptions;
  /** Absent: those the kernel can. */
  readonly families?: readonly IPFamily[];
  /** ms between full syncs that look for drift; default 30,000. */
  readonly syncPeriodMs?: number;
  /** `IP:PORT`; '' or absent: not served. */
  readonly healthzBindAddress?: string;
  readonly metricsBindAddress?: string;
  /** Whether it is the end when an address cannot be listened on; default: it is tried again. */
  readonly bindAddressHardFail?: boolean;
  /** What /configz shows; absent: the defaults, with this mode. */
  readonly configuration?: object;
  /** What /flagz shows: name → value; absent: no flags. */
  readonly flags?: Readonly<Record<string, string>>;
  readonly exec?: Exec;
  readonly observe?: (report: SyncReport) => void;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** The options that upstream starts with when told nothing but the node's name. */
export function defaultOptions(nodeName: string, mode: ProxyMode): ProxyOptions {
  return {
    nodeName,
    clusterCIDRs: [],
    detectLocalMode: 'ClusterCIDR',
    nodePortAddresses: mode === 'nftables' ? ['primary'] : [],
    masqueradeAll: false,
    masqueradeBit: 14,
    localhostNodePorts: mode === 'iptables',
  };
}

export function makeBackend(mode: ProxyMode, family: IPFamily, exec: Exec = check): Backend {
  return mode === 'iptables' ? new IptablesBackend({ family, exec }) : new NftablesBackend({ family, exec });
}

/** Removes whatever any mode wrote; `which` names the only one, or the one that stays. */
export async function cleanup(
  families: readonly IPFamily[],
  exec: Exec = check,
  which: { only?: ProxyMode; except?: ProxyMode } = {},
): Promise<void> {
  const modes = PROXY_MODES.filter((mode) => mode !== which.except && mode === (which.only ?? mode));
  for (const mode of modes) {
    for (const family of families) await makeBackend(mode, family, exec).cleanup();
  }
}

/** Which families this kernel filters. */
export async function kernelFamilies(mode: ProxyMode, exec: Exec = check): Promise<IPFamily[]> {
  const probes: Record<IPFamily, string[]> =
    mode === 'iptables'
      ? {
          IPv4: ['iptables', '-w', '5', '-t', 'nat', '-S', 'POSTROUTING'],
          IPv6: ['ip6tables', '-w', '5', '-t', 'nat', '-S', 'POSTROUTING'],
        }
      : { IPv4: ['nft', 'list', 'tables', 'ip'], IPv6: ['nft', 'list', 'tables', 'ip6'] };
  const families: IPFamily[] = [];
  for (const family of ['IPv4', 'IPv6'] as const) {
    await exec(probes[family]).then(
      () => families.push(family),
      () => undefined, // a kernel without this family's tables
    );
  }
  return families;
}

/** Runs until `signal` aborts; the rules stay when it ends, so that a restart interrupts no one. */
export async function runProxy(run: RunProxyOptions): Promise<void> {
  const { client, mode, options, log, exec = check, syncPeriodMs = 30_000, flags = {} } = run;
  const signal = AbortSignal.any([run.signal]);
  setMaxListeners(MOST_LISTENERS, signal);
  const families = run.families ?? (await kernelFamilies(mode, exec));
  if (families.length === 0) throw new Error(`mode ${mode} does not work here: its tools are missing or not allowed`);
  if (options.localhostNodePorts && mode === 'iptables') await setSysctl(ROUTE_LOCALNET, '1', log);

  log.info({ mode, families, nodeName: options.nodeName }, 'programming the rules of this node');
  const tracked = { services: new ServiceTracker(), slices: new EndpointSliceTracker() };
  const metrics = new ProxyMetrics();
  const serviceInformer = new Informer({
    client,
    resource: services,
    selection: { labelSelector: SERVICE_SELECTOR },
    log,
  });
  const sliceInformer = new Informer({
    client,
    resource: endpointSlices,
    selection: { labelSelector: SLICE_SELECTOR },
    log,
  });
  const ownNode = { fieldSelector: `metadata.name=${options.nodeName}` };
  const nodeInformer = new Informer<Node>({ client, resource: nodes, selection: ownNode, log });
  const node = (): Node | undefined => nodeInformer.get(options.nodeName);
  let lastNode: Node | undefined;
  /** A Node object that is deleted takes no rule with it: its machine still stands. */
  const facts = (family: IPFamily, interfaces: Interfaces): NodeFacts => {
    lastNode = node() ?? lastNode;
    return nodeFacts(family, options, lastNode, interfaces);
  };

  const backends = new Map(families.map((family) => [family, makeBackend(mode, family, exec)]));
  const makers = new Map(
    families.map((family) => [family, new PlanMaker(family, tracked.services, tracked.slices)] as const),
  );
  const recorder = new EventRecorder({ client, component: 'kube-proxy', host: options.nodeName, log });
  const patienceMs = 2 * syncPeriodMs;
  const healthChecks = new Map(
    families.map((family) => {
      const source = {
        countLocal: (service: string) => tracked.slices.countReady(service, family, options.nodeName),
        isProxyHealthy: () => isHealthy({ sync, patienceMs }),
        onFailure: (service: string, port: number, error: Error) => {
          const object = serviceInformer.get(service);
          const reason = 'FailedToStartServiceHealthcheck';
          const message = `node ${options.nodeName} failed to start healthcheck "${service}" on port ${port}: ${error.message}`;
          if (object) recorder.record({ resource: services, object, type: 'Warning', reason, message });
        },
        log,
      };
      return [family, new HealthCheckPorts(family, source, signal)];
    }),
  );

  let hasOtherModesRules = true;
  const sync: SyncLoop = new SyncLoop({
    ...tracked,
    families: families.map((family) => ({
      family,
      maker: makers.get(family)!,
      backend: backends.get(family)!,
      trial: () => makeTrial((place) => makeBackend(mode, family, place), exec),
      conntrack: new Conntrack(family === 'IPv4' ? 4 : 6, exec),
    })),
    facts: (family) => facts(family, networkInterfaces()),
    metrics,
    log,
    syncPeriodMs,
    decided: (family, step, keys) => healthChecks.get(family)!.note(step, keys),
    refused: (family, { port, why }) => {
      const object = serviceInformer.get(`${port.namespace}/${port.name}`);
      const message = `${shown(port.id)} has no ${family} rules on node ${options.nodeName}: ${why}`;
      if (object)
        recorder.record({ resource: services, object, type: 'Warning', reason: 'FailedToSyncRules', message });
    },
    applied: (family) => healthChecks.get(family)!.follow(),
    observe: (report) => {
      log.debug({ ...report, servicePorts: [...report.servicePorts].slice(0, 10) }, 'synced');
      run.observe?.(report);
      if (!hasOtherModesRules || report.family !== families.at(-1)) return;
      hasOtherModesRules = false; // our rules stand: now those of another mode may go
      cleanup(families, exec, { except: mode }).catch((error: Error) =>
        log.warn({ error: error.message }, 'could not remove the rules of another mode'),
      );
    },
  });
  const plans = (): Plan[] => [...makers.values()].flatMap((maker) => maker.plan ?? []);
  const leftOut = (family: IPFamily): string[] => [
    ...makers.get(family)!.malformed.map(({ port }) => port.id),
    ...sync.health.get(family)!.refused.keys(),
  ];
  metrics.observe({ mode, version: VERSION, ...tracked, plans, backends, leftOut });

  serviceInformer.addHandlers({
    add: (service) => {
      if (!tracked.services.set(service)) return;
      const { resourceVersion } = service.metadata;
      metrics.serviceChanges.inc();
      if (!isStarted) return;
      if (Object.keys(service.spec?.selector ?? {}).length > 0) sync.added(keyOf(service), resourceVersion);
      else sync.changed(resourceVersion);
    },
    update: (service) => note(tracked.services.set(service), 'service', service.metadata.resourceVersion),
    delete: (service) => note(tracked.services.delete(keyOf(service)), 'service', service.metadata.resourceVersion),
  });
  sliceInformer.addHandlers({
    add: (slice) => note(tracked.slices.set(slice), 'slice', slice.metadata.resourceVersion, triggeredAt(slice)),
    update: (slice) => note(tracked.slices.set(slice), 'slice', slice.metadata.resourceVersion, triggeredAt(slice)),
    delete: (slice) => note(tracked.slices.delete(keyOf(slice)), 'slice', slice.metadata.resourceVersion),
  });
  // A heartbeat changes the Node and nothing of the plan: the makers see that the facts are the same.
  nodeInformer.addHandlers({ add: () => noteNode(), update: () => noteNode(), delete: () => noteNode() });
  let isStarted = false;
  let knownFacts = '';
  function note(isChange: boolean, what: 'service' | 'slice', resourceVersion?: string, at?: number): void {
    if (!isChange) return;
    (what === 'service' ? metrics.serviceChanges : metrics.endpointChanges).inc();
    if (isStarted) sync.changed(resourceVersion, at);
  }
  function noteNode(): void {
    const now = JSON.stringify(families.map((family) => facts(family, {})));
    if (now === knownFacts) return;
    knownFacts = now;
    if (isStarted) sync.changed();
  }

  const informers = [serviceInformer, sliceInformer, nodeInformer];
  const following = Promise.all(informers.map((informer) => informer.run(signal)));
  const syncing = (async () => {
    // Rules made before everything is known would refuse services that have endpoints.
    await Promise.race([Promise.all(informers.map((informer) => informer.synced())), aborted(signal)]);
    if (signal.aborted) return;
    isStarted = true;
    await sync.run(signal);
  })();
  const isNodeEligible = (): boolean => isEligible(node());
  const health = healthAnswers({ sync, metrics, isNodeEligible, patienceMs });
  const hostnameOverride = options.nodeName;
  const configuration = run.configuration ?? shownConfiguration(configurationOf({ mode, hostnameOverride }));
  const numbers = metricsAnswers({ metrics, mode, configuration, version: VERSION, flags });
  const serving = [
    ['healthz', run.healthzBindAddress ?? '', health],
    ['metrics', run.metricsBindAddress ?? '', numbers],
  ] as const;
  const served = serving.map(([what, address, answers]) => {
    const failed = (error: Error): void => {
      if (run.bindAddressHardFail) throw error;
      log.error({ what, address, error: error.message }, 'cannot be served; trying again');
      if (what !== 'healthz' || !lastNode) return;
      const message = `Failed to start proxier healthz on ${address}: ${error.message}`;
      recorder.record({
        resource: nodes,
        object: lastNode,
        type: 'Warning',
        reason: 'FailedToStartProxierHealthcheck',
        message,
      });
    };
    return serveWhenFree(address, answers, { signal, failed });
  });
  await Promise.all([following, syncing, ...served]);
}

/** When the slice's newest endpoint change happened, if it says; ms since the epoch. */
function triggeredAt(slice: EndpointSlice): number | undefined {
  const text = slice.metadata.annotations?.['endpoints.kubernetes.io/last-change-trigger-time'];
  const at = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/** Nodes on their way out get no new traffic from load balancers. */
function isEligible(node: Node | undefined): boolean {
  if (!node || node.metadata.deletionTimestamp) return false;
  return !node.spec?.taints?.some(({ key }) => key === 'ToBeDeletedByClusterAutoscaler');
}
