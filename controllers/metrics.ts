// The controller manager's numbers, under upstream's names and with its buckets: queues, requests, leadership, the process.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Answered } from '../client/rest.ts';
import { WorkQueue } from '../client/workqueue.ts';
import type { Clock } from '../host/clock.ts';

/** Seconds: 10 ns, ten times as much nine times over. */
const QUEUE_BUCKETS = Array.from({ length: 10 }, (_, at) => Number(`1e${at - 8}`));
const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export class ControllerMetrics {
  readonly registry = new Registry();
  readonly #queues = new Map<string, WorkQueue>();
  readonly #adds = this.#counter('workqueue_adds_total', 'Total number of adds handled by workqueue', ['name']);
  readonly #retries = this.#counter('workqueue_retries_total', 'Total number of retries handled by workqueue', [
    'name',
  ]);
  readonly #waited = this.#histogram(
    { name: 'workqueue_queue_duration_seconds', help: 'How long in seconds an item stays in workqueue', at: ['name'] },
    QUEUE_BUCKETS,
  );
  readonly #worked = this.#histogram(
    { name: 'workqueue_work_duration_seconds', help: 'How long in seconds processing an item takes', at: ['name'] },
    QUEUE_BUCKETS,
  );
  readonly #requests = this.#counter('rest_client_requests_total', 'Number of HTTP requests', [
    'code',
    'host',
    'method',
  ]);
  readonly #latency = this.#histogram(
    { name: 'rest_client_request_duration_seconds', help: 'Request latency in seconds', at: ['host', 'verb'] },
    REQUEST_BUCKETS,
  );
  readonly #leading = new Gauge({
    name: 'leader_election_master_status',
    help: 'Whether this replica leads',
    labelNames: ['name'],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.#gauge('workqueue_depth', 'Current depth of workqueue', (queue) => queue.length);
    this.#gauge(
      'workqueue_unfinished_work_seconds',
      'How many seconds of work are in progress and not yet in work_duration',
      ({ inHand }) => inHand.reduce((sum, ms) => sum + ms, 0) / 1000,
    );
    this.#gauge(
      'workqueue_longest_running_processor_seconds',
      'How many seconds the longest running processor has been running',
      ({ inHand }) => Math.max(0, ...inHand) / 1000,
    );
  }

  /** A queue that is counted as `name`. */
  queue(name: string, clock: Clock): WorkQueue {
    const observer = {
      added: () => this.#adds.inc({ name }),
      retried: () => this.#retries.inc({ name }),
      taken: (ms: number) => this.#waited.observe({ name }, ms / 1000),
      done: (ms: number) => this.#worked.observe({ name }, ms / 1000),
    };
    const queue = new WorkQueue({ clock, observer });
    this.#adds.inc({ name }, 0);
    this.#retries.inc({ name }, 0);
    this.#queues.set(name, queue);
    return queue;
  }

  /** `host` is the server's, with its port. */
  answered(host: string, { method, code, seconds }: Answered): void {
    this.#requests.inc({ code: String(code), host, method });
    this.#latency.observe({ host, verb: method }, seconds);
  }

  leads(name: string, now: boolean): void {
    this.#leading.set({ name }, now ? 1 : 0);
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram({ name, help, at }: { name: string; help: string; at: string[] }, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, labelNames: at, registers: [this.registry] });
  }

  /** Read from each queue when somebody scrapes. */
  #gauge(name: string, help: string, read: (queue: WorkQueue) => number): void {
    const queues = this.#queues;
    new Gauge({
      name,
      help,
      labelNames: ['name'],
      registers: [this.registry],
      collect() {
        for (const [label, queue] of queues) this.set({ name: label }, read(queue));
      },
    });
  }
}
