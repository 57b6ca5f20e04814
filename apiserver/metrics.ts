// The server's metrics, in Prometheus' text format under upstream's names. Written by hand because they are counted on
// every request: two map look-ups and a few additions.
import type { RequestInfo } from './http/request-info.ts';

/** Upper bounds in seconds, as upstream's apiserver_request_duration_seconds has them. */
const BUCKETS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

interface Series {
  readonly labels: string;
  readonly codes: Map<number, number>;
  readonly counts: number[];
  sum: number;
  total: number;
}

export class Metrics {
  readonly #series = new Map<string, Series>();
  readonly #gauges: ReadonlyMap<string, { help: string; read: () => number }>;
  #watches = 0;
  #watchEvents = 0;

  /** `gauges` are read when somebody scrapes. */
  constructor(gauges: ReadonlyMap<string, { help: string; read: () => number }> = new Map()) {
    this.#gauges = gauges;
  }

  /** `seconds` from the request's arrival to its answer. */
  observe(info: RequestInfo, code: number, seconds: number): void {
    const key = `${info.verb} ${info.group}/${info.version}/${info.resource}/${info.subresource} ${scopeOf(info)}`;
    let series = this.#series.get(key);
    if (!series) {
      series = {
        labels: labelsOf(info),
        codes: new Map(),
        counts: new Array(BUCKETS.length).fill(0),
        sum: 0,
        total: 0,
      };
      this.#series.set(key, series);
    }
    series.codes.set(code, (series.codes.get(code) ?? 0) + 1);
    if (info.verb === 'watch') return;
    series.total += 1;
    series.sum += seconds;
    const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) series.counts[bucket] += 1;
  }

  /** A watch began; the answer is called when it ends. */
  watchStarted(): () => void {
    this.#watches += 1;
    return () => {
      this.#watches -= 1;
    };
  }

  watchEvent(): void {
    this.#watchEvents += 1;
  }

  text(): string {
    const lines = [
      ...head('apiserver_request_total', 'counter', 'Requests by verb, resource and HTTP code.'),
      ...[...this.#series.values()].flatMap((series) =>
        [...series.codes].map(([code, count]) => `apiserver_request_total{code="${code}",${series.labels}} ${count}`),
      ),
      ...head('apiserver_request_duration_seconds', 'histogram', 'Seconds from request to answer.'),
      ...[...this.#series.values()].flatMap(durations),
      ...head('apiserver_longrunning_requests', 'gauge', 'Watches that are open now.'),
      `apiserver_longrunning_requests{verb="WATCH"} ${this.#watches}`,
      ...head('apiserver_watch_events_total', 'counter', 'Events sent to watchers.'),
      `apiserver_watch_events_total ${this.#watchEvents}`,
    ];
    for (const [name, { help, read }] of this.#gauges) lines.push(...head(name, 'gauge', help), `${name} ${read()}`);
    return `${lines.join('\n')}\n`;
  }
}

const head = (name: string, type: string, help: string): string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
];

function scopeOf({ isResource, name, namespace }: RequestInfo): string {
  if (!isResource) return '';
  if (name !== '') return 'resource';
  return namespace === '' ? 'cluster' : 'namespace';
}

function labelsOf(info: RequestInfo): string {
  const { group, version, resource, subresource, verb } = info;
  const labels = {
    component: 'apiserver',
    group,
    resource,
    scope: scopeOf(info),
    subresource,
    verb: verb.toUpperCase(),
    version,
  };
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',');
}

function durations({ labels, counts, sum, total }: Series): string[] {
  if (total === 0) return [];
  const name = 'apiserver_request_duration_seconds';
  let below = 0;
  const buckets = counts.map((count, i) => {
    below += count;
    return `${name}_bucket{${labels},le="${BUCKETS[i]}"} ${below}`;
  });
  return [
    ...buckets,
    `${name}_bucket{${labels},le="+Inf"} ${total}`,
    `${name}_sum{${labels}} ${sum}`,
    `${name}_count{${labels}} ${total}`,
  ];
}
