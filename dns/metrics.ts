// The server's numbers, under CoreDNS's names. Counted in plain maps, a few dozen ns a query, and written out when somebody asks.

import type { Zone } from './resolution.ts';
import { RCODE, TYPE } from './wire/constants.ts';
import { textOf } from './wire/name.ts';
import type { Query } from './wire/query.ts';
import type { Client } from './wire/reply.ts';

export interface Exchange {
  readonly query: Query;
  readonly client: Client;
  /** Absent: outside all of ours. */
  readonly zone?: Zone;
  readonly rcode: number;
  /** Of the reply. */
  readonly bytes: number;
  /** performance.now() when the query came. */
  readonly began: number;
}

/** CoreDNS's buckets: 250 µs doubled fifteen times, s. */
const SECONDS = Array.from({ length: 16 }, (_, at) => 0.00025 * 2 ** at);
const BYTES = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3];

const nameOfNumber = (table: Readonly<Record<string, number>>, number: number): string | undefined =>
  Object.keys(table).find((name) => table[name] === number);

class Histogram {
  readonly #edges: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(edges: readonly number[]) {
    this.#edges = edges;
    this.#counts = new Array<number>(edges.length + 1).fill(0);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.#edges.length && value > this.#edges[at]) at += 1;
    this.#counts[at] += 1;
    this.#sum += value;
  }

  lines(name: string, labels: string): string[] {
    let count = 0;
    const buckets = this.#counts.map((more, at) => {
      count += more;
      return `${name}_bucket{${labels},le="${this.#edges[at] ?? '+Inf'}"} ${count}`;
    });
    return [...buckets, `${name}_sum{${labels}} ${this.#sum}`, `${name}_count{${labels}} ${count}`];
  }
}

interface ZoneNumbers {
  readonly name: string;
  /** Protocol, family and type in one number → queries. */
  readonly requests: Map<number, number>;
  readonly responses: Map<number, number>;
  readonly durations: Histogram;
  readonly sizes: Histogram;
}

const emptyNumbers = (name: string): ZoneNumbers => ({
  name,
  requests: new Map(),
  responses: new Map(),
  durations: new Histogram(SECONDS),
  sizes: new Histogram(BYTES),
});

const increase = (counts: Map<number, number>, key: number): void => void counts.set(key, (counts.get(key) ?? 0) + 1);

export class DnsMetrics {
  /** Queries that met a mistake of ours. */
  failures = 0;
  readonly #server: string;
  readonly #outside = emptyNumbers('.');
  readonly #zones = new Map<Zone, ZoneNumbers>();

  /** `server` is the value of the label that tells servers apart: `dns://:53`. */
  constructor(server: string) {
    this.#server = server;
  }

  count({ query, client, zone, rcode, bytes, began }: Exchange): void {
    const numbers = zone ? this.#of(zone) : this.#outside;
    increase(
      numbers.requests,
      (query.type << 2) | (client.transport === 'tcp' ? 2 : 0) | (client.family === 6 ? 1 : 0),
    );
    increase(numbers.responses, rcode);
    numbers.durations.observe((performance.now() - began) / 1000);
    numbers.sizes.observe(bytes);
  }

  /** In the text format of Prometheus. */
  text(): string {
    const all = [this.#outside, ...this.#zones.values()].filter(({ responses }) => responses.size > 0);
    return [
      ...heading(
        'coredns_dns_requests_total',
        'counter',
        'Counter of DNS requests made per zone, protocol and family.',
      ),
      ...all.flatMap((numbers) => this.#requestLines(numbers)),
      ...heading('coredns_dns_responses_total', 'counter', 'Counter of response status codes.'),
      ...all.flatMap((numbers) => this.#responseLines(numbers)),
      ...heading('coredns_dns_request_duration_seconds', 'histogram', 'Time (in seconds) each request took per zone.'),
      ...all.flatMap(({ name, durations }) =>
        durations.lines('coredns_dns_request_duration_seconds', this.#labels(name)),
      ),
      ...heading('coredns_dns_response_size_bytes', 'histogram', 'Size of the returned response in bytes.'),
      ...all.flatMap(({ name, sizes }) => sizes.lines('coredns_dns_response_size_bytes', this.#labels(name))),
      ...heading('coredns_panics_total', 'counter', 'Queries that met an error of the server.'),
      `coredns_panics_total ${this.failures}`,
      ...processLines(),
      '',
    ].join('\n');
  }

  #of(zone: Zone): ZoneNumbers {
    let numbers = this.#zones.get(zone);
    if (!numbers) {
      numbers = emptyNumbers(textOf(zone.name));
      this.#zones.set(zone, numbers);
    }
    return numbers;
  }

  #labels(zone: string): string {
    return `server="${this.#server}",zone="${zone}",view=""`;
  }

  /** Types without a name of their own count together: clients must not be able to make new lines. */
  #requestLines({ name, requests }: ZoneNumbers): string[] {
    const sums = new Map<string, number>();
    for (const [key, count] of requests) {
      const type = nameOfNumber(TYPE, key >> 2) ?? 'other';
      const labels = `${this.#labels(name)},proto="${key & 2 ? 'tcp' : 'udp'}",family="${key & 1 ? 2 : 1}",type="${type}"`;
      sums.set(labels, (sums.get(labels) ?? 0) + count);
    }
    return [...sums].map(([labels, count]) => `coredns_dns_requests_total{${labels}} ${count}`);
  }

  #responseLines({ name, responses }: ZoneNumbers): string[] {
    return [...responses].map(([rcode, count]) => {
      const text = nameOfNumber(RCODE, rcode) ?? String(rcode);
      return `coredns_dns_responses_total{${this.#labels(name)},rcode="${text}"} ${count}`;
    });
  }
}

const heading = (name: string, type: string, help: string): string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
];

function processLines(): string[] {
  const { user, system } = process.cpuUsage();
  return [
    ...heading('process_cpu_seconds_total', 'counter', 'Total user and system CPU time spent in seconds.'),
    `process_cpu_seconds_total ${(user + system) / 1e6}`,
    ...heading('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.'),
    `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
  ];
}
