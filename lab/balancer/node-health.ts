// Asks the nodes, again and again, whether they take traffic, as clouds' balancers do: `GET http://NODE:PORT/healthz`.
import { get } from 'node:http';
import type { Clock } from '../../host/clock.ts';

/** ms between two questions, and until one counts as unanswered. */
const INTERVAL_MS = 500;
const TIMEOUT_MS = 400;
/** So many failures in a row until a node that answered counts as unhealthy: one lost packet moves nobody's traffic. */
const FAILURES = 2;

export interface Check {
  readonly node: string;
  readonly port: number;
}

export class NodeHealth {
  /** `node:port` → failures in a row; present only when it was asked before. */
  readonly #failures = new Map<string, number>();
  readonly #changed: () => void;

  /** `changed` is called after a round in which somebody became healthy or unhealthy. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  isHealthy({ node, port }: Check): boolean {
    return (this.#failures.get(`${node}:${port}`) ?? FAILURES) < FAILURES;
  }

  /** Asks everyone in `checks()` every INTERVAL_MS until `signal` aborts. Who is no longer asked is forgotten. */
  async run(checks: () => readonly Check[], clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#round(checks());
      await clock.sleep(INTERVAL_MS, signal).catch(() => undefined); // aborted: the loop's condition ends it
    }
  }

  async #round(checks: readonly Check[]): Promise<void> {
    const before = JSON.stringify(checks.map((check) => this.isHealthy(check)));
    const answers = await Promise.all(checks.map(ask));
    const counts = checks.map(({ node, port }, i): [string, number] => {
      const key = `${node}:${port}`;
      return [key, answers[i] ? 0 : (this.#failures.get(key) ?? FAILURES - 1) + 1];
    });
    this.#failures.clear();
    for (const [key, count] of counts) this.#failures.set(key, count);
    if (JSON.stringify(checks.map((check) => this.isHealthy(check))) !== before) this.#changed();
  }
}

/** Resolves with whether the node said 200 in time. */
function ask({ node, port }: Check): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: node, port, path: '/healthz', timeout: TIMEOUT_MS, agent: false }, (response) => {
      response.resume();
      response.on('error', () => resolve(false));
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy(new Error('timed out')));
    request.on('error', () => resolve(false));
  });
}
