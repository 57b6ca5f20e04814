// What others may ask the proxy: /healthz and /livez (port 10256), and /metrics, with upstream's answers.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
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

export function healthAnswers(source: HealthSource): Record<string, Answer> {
  const answer =
    (counter: 'healthz' | 'livez'): Answer =>
    (_request, response) => {
      const { body, isHealthy } = report(source);
      const isFine = isHealthy && (counter === 'livez' || body.nodeEligible);
      const shown = counter === 'livez' ? { ...body, nodeEligible: undefined } : body;
      const code = isFine ? 200 : 503;
      source.metrics[counter].inc({ code: String(code) });
      response.writeHead(code, { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' });
      response.end(JSON.stringify(shown));
    };
  return { '/healthz': answer('healthz'), '/livez': answer('livez') };
}

function report({ sync, isNodeEligible, patienceMs }: HealthSource) {
  const now = Date.now();
  const status: Record<string, { lastUpdated: string; healthy: boolean }> = {};
  let isHealthy = true;
  let oldest = now;
  for (const [family, { syncedAt, waitingSince }] of sync.health) {
    const healthy = syncedAt > 0 && (waitingSince === 0 || now - waitingSince <= patienceMs);
    status[family] = { lastUpdated: new Date(syncedAt).toISOString(), healthy };
    if (!healthy) {
      isHealthy = false;
      oldest = Math.min(oldest, syncedAt);
    }
  }
  const times = { lastUpdated: new Date(oldest).toISOString(), currentTime: new Date(now).toISOString() };
  return { body: { ...times, nodeEligible: isNodeEligible(), healthy: isHealthy, status }, isHealthy };
}

export function metricsAnswers(metrics: ProxyMetrics, mode: string): Record<string, Answer> {
  return {
    '/metrics': async (_request, response) => {
      const body = await metrics.registry.metrics();
      response.writeHead(200, { 'Content-Type': metrics.registry.contentType });
      response.end(body);
    },
    '/proxyMode': (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff' });
      response.end(mode);
    },
    '/healthz': (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' });
      response.end('ok');
    },
  };
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
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
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
