// The proxy's numbers, under upstream's names.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { IPFamily } from './plan.ts';

/** Upstream's buckets, seconds: 1 ms doubled fifteen times. */
const SYNC_BUCKETS = Array.from({ length: 15 }, (_, at) => 0.001 * 2 ** at);
const PROGRAMMING_BUCKETS = [
  ...[0, 0.25, 0.5],
  ...Array.from({ length: 60 }, (_, at) => at + 1),
  ...[65, 70, 75, 80, 85, 90, 95, 100, 105, 110, 115, 120, 150, 180, 210, 240, 270, 300],
];

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

  forgot(family: IPFamily, flows: number): void {
    if (flows > 0) this.#forgotten.inc({ ip_family: family }, flows);
  }
}
