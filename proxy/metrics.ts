// The proxy's numbers, under upstream's names and with its buckets. Left out: nfacct's packet counters (without the `nfacct` tool
// nothing counts them) and `kubernetes_feature_enabled` (there are no feature gates).
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Backend } from './backend.ts';
import { type IPFamily, isExternallyAccessible, type Plan, type ServicePort } from './plan.ts';

/** Upstream's buckets, seconds: 1 ms doubled fifteen times. */
const SYNC_BUCKETS = Array.from({ length: 15 }, (_, at) => 0.001 * 2 ** at);
const PROGRAMMING_BUCKETS = [
  ...[0, 0.25, 0.5],
  ...Array.from({ length: 60 }, (_, at) => at + 1),
  ...[65, 70, 75, 80, 85, 90, 95, 100, 105, 110, 115, 120, 150, 180, 210, 240, 270, 300],
];

/** Letters of a service port's id: three names of 63 each. A malformed one may be longer. */
const LONGEST_ID = 191;

export class ProxyMetrics {
  readonly registry = new Registry();
  readonly #sync = this.#histogram('kubeproxy_sync_proxy_rules_duration_seconds', 'SyncProxyRules latency in seconds');
  readonly #full = this.#histogram(
    'kubeproxy_sync_full_proxy_rules_duration_seconds',
    'SyncProxyRules latency in seconds for full resyncs',
  );
  readonly #partial = this.#histogram(
    'kubeproxy_sync_partial_proxy_rules_duration_seconds',
    'SyncProxyRules latency in seconds for partial resyncs',
  );
  readonly #programming = this.#histogram(
    'kubeproxy_network_programming_duration_seconds',
    'In Cluster Network Programming Latency in seconds',
    PROGRAMMING_BUCKETS,
  );
  readonly #last = this.#gauge(
    'kubeproxy_sync_proxy_rules_last_timestamp_seconds',
    'The last time proxy rules were successfully synced',
  );
  readonly #queued = this.#gauge(
    'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds',
    'The last time a sync of proxy rules was queued',
  );
  readonly serviceChanges = this.#counter(
    'kubeproxy_sync_proxy_rules_service_changes_total',
    'Cumulative proxy rules Service changes',
  );
  readonly endpointChanges = this.#counter(
    'kubeproxy_sync_proxy_rules_endpoint_changes_total',
    'Cumulative proxy rules Endpoint changes',
  );
  readonly #forgetting = this.#histogram(
    'kubeproxy_conntrack_reconciler_sync_duration_seconds',
    'ReconcileConntrackFlowsLatency latency in seconds',
  );
  readonly #forgotten = this.#counter(
    'kubeproxy_conntrack_reconciler_deleted_entries_total',
    'Cumulative conntrack flows deleted by conntrack reconciler',
    ['ip_family'],
  );
  readonly healthz = this.#counter('kubeproxy_proxy_healthz_total', 'Cumulative proxy healthz HTTP status', ['code']);
  readonly livez = this.#counter('kubeproxy_proxy_livez_total', 'Cumulative proxy livez HTTP status', ['code']);

  #histogram(name: string, help: string, buckets = SYNC_BUCKETS): Histogram<'ip_family'> {
    return new Histogram({ name, help, buckets, labelNames: ['ip_family'], registers: [this.registry] });
  }

  #gauge(name: string, help: string): Gauge<'ip_family'> {
    return new Gauge({ name, help, labelNames: ['ip_family'], registers: [this.registry] });
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  /** `seconds` of one sync; `at` is ms since the epoch. */
  synced(family: IPFamily, how: 'full' | 'partial', seconds: number, at: number): void {
    const labels = { ip_family: family };
    this.#sync.observe(labels, seconds);
    (how === 'full' ? this.#full : this.#partial).observe(labels, seconds);
    this.#last.set(labels, at / 1000);
  }

  queued(family: IPFamily, at: number): void {
    this.#queued.set({ ip_family: family }, at / 1000);
  }

  /** `seconds` from the change of an endpoint, as its slice tells, to its rules. */
  programmed(family: IPFamily, seconds: number): void {
    this.#programming.observe({ ip_family: family }, seconds);
  }

  /** `seconds` that looking for stale flows and deleting them took. */
  forgot(family: IPFamily, flows: number, seconds: number): void {
    this.#forgetting.observe({ ip_family: family }, seconds);
    this.#forgotten.inc({ ip_family: family }, flows);
  }

  /** A sync that the kernel refused. */
  failed(family: IPFamily, how: 'full' | 'partial'): void {
    this.#failures?.inc({ ip_family: family });
    if (how === 'partial') this.#partialFailures?.inc({ ip_family: family });
  }

  #failures: Counter<'ip_family'> | undefined;
  #partialFailures: Counter<'ip_family'> | undefined;

  /** Adds what is read when asked for, and what only this mode has. */
  observe(source: MetricsSource): void {
    this.#pending('service', () => source.services.pending);
    this.#pending('endpoint', () => source.slices.pending);
    this.#observeLocalPolicies(source);
    this.#observeLeftOut(source);
    const family = ['ip_family'];
    if (source.mode === 'nftables') {
      const name = 'kubeproxy_sync_proxy_rules_nftables_sync_failures_total';
      this.#failures = this.#counter(name, 'Cumulative proxy nftables sync failures', family);
    } else {
      const restore = (what: string): string => `kubeproxy_sync_proxy_rules_iptables_${what}restore_failures_total`;
      this.#failures = this.#counter(restore(''), 'Cumulative proxy iptables restore failures', family);
      const help = 'Cumulative proxy iptables partial restore failures';
      this.#partialFailures = this.#counter(restore('partial_'), help, family);
      this.#countRules('total', 'Total number of iptables rules owned by kube-proxy', source);
      this.#countRules('last', 'Number of iptables rules written by kube-proxy in last sync', source);
    }
    const build = { name: 'kubernetes_build_info', help: 'A metric with a constant 1 value labeled by version' };
    const labels = { git_version: source.version, platform: `${process.platform}/${process.arch}` };
    new Gauge({ ...build, labelNames: Object.keys(labels), registers: [this.registry] }).set(labels, 1);
  }

  #pending(what: 'service' | 'endpoint', count: () => number): void {
    const name = `kubeproxy_sync_proxy_rules_${what}_changes_pending`;
    const help = `Pending proxy rules ${what === 'service' ? 'Service' : 'Endpoint'} changes`;
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(count());
      },
    });
  }

  #observeLocalPolicies({ plans }: MetricsSource): void {
    new Gauge({
      name: 'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
      help: 'Number of services with a Local traffic policy and no endpoints',
      labelNames: ['ip_family', 'traffic_policy'],
      registers: [this.registry],
      collect() {
        for (const { family, services } of plans()) {
          const ports = [...services.values()].filter((port) => port.hasEndpoints && port.localEndpoints.length === 0);
          const count = (isLocal: (port: ServicePort) => boolean): number => ports.filter(isLocal).length;
          const internal = count((port) => port.internalTrafficPolicy === 'Local');
          const external = count((port) => port.externalTrafficPolicy === 'Local' && isExternallyAccessible(port));
          this.set({ ip_family: family, traffic_policy: 'internal' }, internal);
          this.set({ ip_family: family, traffic_policy: 'external' }, external);
        }
      },
    });
  }

  /** Not upstream's, which refuses all Services together. */
  #observeLeftOut({ backends, leftOut }: MetricsSource): void {
    new Gauge({
      name: 'vitrine_proxy_left_out_service_ports',
      help: '1 for each service port that has no rules because it is malformed or the kernel refuses it',
      labelNames: ['ip_family', 'service_port'],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const ip_family of backends.keys()) {
          for (const id of leftOut(ip_family)) this.set({ ip_family, service_port: id.slice(0, LONGEST_ID) }, 1);
        }
      },
    });
  }

  #countRules(which: 'total' | 'last', help: string, { backends }: MetricsSource): void {
    new Gauge({
      name: `kubeproxy_sync_proxy_rules_iptables_${which}`,
      help,
      labelNames: ['ip_family', 'table'],
      registers: [this.registry],
      collect() {
        for (const [family, { ruleCounts }] of backends) {
          for (const [table, counts] of ruleCounts ?? []) this.set({ ip_family: family, table }, counts[which]);
        }
      },
    });
  }
}

/** Where the numbers are that are read when someone asks. */
export interface MetricsSource {
  readonly mode: Backend['name'];
  /** Of this program. */
  readonly version: string;
  readonly services: { readonly pending: number };
  readonly slices: { readonly pending: number };
  readonly plans: () => Iterable<Plan>;
  /** Ids of service ports that have no rules though they should. */
  readonly leftOut: (family: IPFamily) => Iterable<string>;
  readonly backends: ReadonlyMap<IPFamily, Backend>;
}
