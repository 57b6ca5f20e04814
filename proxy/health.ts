// What others may ask the proxy: /healthz and /livez (port 10256), and /metrics, /configz, /proxyMode, /statusz and /flagz (port 10249),
// with upstream's answers.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../host/clock.ts';
import { flagsPage, statusPage } from './debug-pages.ts';
import type { ProxyMetrics } from './metrics.ts';
import type { SyncLoop } from './sync.ts';

export interface HealthSource {
  readonly sync: SyncLoop;
  readonly metrics: ProxyMetrics;
  /** Whether the node should get traffic from load balancers: it exists and is not on its way out. */
  readonly isNodeEligible: () => boolean;
  /** ms a change may wait to be applied before the proxy calls itself unhealthy. */
  readonly patienceMs: number;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

const TEXT = 'text/plain; charset=utf-8';

function say(response: ServerResponse, body: string, contentType: string, code = 200): void {
  response.writeHead(code, {
    'Content-Type': contentType,
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

export function healthAnswers(source: HealthSource): Record<string, Answer> {
  const answer =
    (counter: 'healthz' | 'livez'): Answer =>
    (_request, response) => {
      const nodeEligible = counter === 'livez' ? undefined : source.isNodeEligible();
      const { isFine, body } = report(source, nodeEligible);
      const code = isFine ? 200 : 503;
      source.metrics[counter].inc({ code: String(code) });
      say(response, JSON.stringify(body), 'application/json', code);
    };
  return { '/healthz': answer('healthz'), '/livez': answer('livez') };
}

/** Whether a family's rules are there, and no change has waited too long for them. */
function isFamilyHealthy(state: { syncedAt: number; waitingSince: number }, patienceMs: number): boolean {
  return state.syncedAt > 0 && (state.waitingSince === 0 || Date.now() - state.waitingSince <= patienceMs);
}

export function isHealthy({ sync, patienceMs }: Pick<HealthSource, 'sync' | 'patienceMs'>): boolean {
  return [...sync.health.values()].every((state) => isFamilyHealthy(state, patienceMs));
}

/** `lastUpdated` is now while all is well, as it was when upstream's loop always ran; else the newest sync's time. */
function report({ sync, patienceMs }: HealthSource, nodeEligible: boolean | undefined) {
  const now = new Date().toISOString();
  const states = [...sync.health];
  const healthy = isHealthy({ sync, patienceMs });
  const isFine = healthy && nodeEligible !== false;
  const status = Object.fromEntries(
    states.map(([family, state]) => [
      family,
      { lastUpdated: new Date(state.syncedAt).toISOString(), healthy: isFamilyHealthy(state, patienceMs) },
    ]),
  );
  const newest = new Date(Math.max(...states.map(([, { syncedAt }]) => syncedAt))).toISOString();
  const body = { lastUpdated: isFine ? now : newest, currentTime: now, nodeEligible, healthy, status };
  return { isFine, body };
}

export interface MetricsAnswers {
  readonly metrics: ProxyMetrics;
  readonly mode: string;
  /** As `/configz` shows it. */
  readonly configuration: object;
  /** Of Kubernetes, `v1.36.3`. */
  readonly version: string;
  /** Name → value, as `/flagz` shows them. */
  readonly flags: Readonly<Record<string, string>>;
}

export function metricsAnswers(source: MetricsAnswers): Record<string, Answer> {
  const { metrics, mode, configuration, version, flags } = source;
  const configz = JSON.stringify({ 'kubeproxy.config.k8s.io': configuration });
  const startedAt = Date.now();
  const page = (response: ServerResponse, body: string): void => {
    response.writeHead(200, { 'Content-Type': TEXT, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  };
  const answers: Record<string, Answer> = {
    '/metrics': async (_request, response) =>
      say(response, await metrics.registry.metrics(), `${metrics.registry.contentType}; escaping=underscores`),
    '/proxyMode': (_request, response) => say(response, mode, TEXT),
    '/configz': (_request, response) => say(response, configz, 'application/json'),
    '/healthz': (_request, response) => say(response, 'ok', TEXT),
    '/flagz': (_request, response) => page(response, flagsPage(flags)),
  };
  const paths = Object.keys(answers);
  answers['/statusz'] = (_request, response) =>
    page(response, statusPage({ startedAt, now: Date.now(), version, paths }));
  return answers;
}

/** ms between attempts to listen (upstream v1.36 cmd/kube-proxy/app/server.go). */
const TRY_EVERY_MS = 5000;

interface Serving {
  readonly signal: AbortSignal;
  /** Hears of every attempt that fails; what it throws ends them. */
  readonly failed: (error: Error) => void;
  readonly clock?: Clock;
}

/** Serves as soon as the address is free; resolves when it does, or `signal` aborts. */
export async function serveWhenFree(
  address: string,
  answers: Readonly<Record<string, Answer>>,
  { signal, failed, clock = systemClock }: Serving,
): Promise<void> {
  while (!signal.aborted) {
    const isServed = await serve(address, answers, signal).then(
      () => true,
      (error: Error) => failed(error),
    );
    if (isServed) return;
    await clock.sleep(TRY_EVERY_MS, signal).catch(() => undefined); // aborted: the loop's condition ends it
  }
}

/** `address` is `IP:PORT`, `[IP]:PORT` or '' for nowhere. Listens when it resolves; ends when `signal` aborts. */
export async function serve(
  address: string,
  answers: Readonly<Record<string, Answer>>,
  signal: AbortSignal,
): Promise<Server | undefined> {
  if (address === '') return undefined;
  const [, host, port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(address) ?? [];
  if (port === undefined) throw new TypeError(`not an address to listen on: ${address}`);
  const server = createServer((request, response) => {
    const answer = answers[new URL(request.url ?? '/', 'http://proxy').pathname];
    if (!answer) {
      say(response, '404 page not found\n', TEXT, 404);
      return;
    }
    Promise.resolve(answer(request, response)).catch((error: Error) => response.writeHead(500).end(error.message));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: host || undefined, port: Number(port) }, resolve);
  });
  signal.addEventListener(
    'abort',
    () => {
      server.close();
      server.closeAllConnections();
    },
    { once: true },
  );
  return server;
}
