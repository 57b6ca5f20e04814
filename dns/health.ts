// What others may ask the server over HTTP: CoreDNS's /health, /ready and /metrics, and the names every program of ours has.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { Address } from './listen-udp.ts';
import type { DnsMetrics } from './metrics.ts';

export interface HealthSource {
  /** Whether it can tell what does not exist, too. */
  readonly isReady: () => boolean;
  readonly metrics: DnsMetrics;
}

function answers({ isReady, metrics }: HealthSource): RequestListener {
  const readiness = (): [number, string] => (isReady() ? [200, 'OK'] : [503, 'kubernetes']);
  const liveness = (): [number, string] => [200, 'OK'];
  const paths: Readonly<Record<string, () => [number, string]>> = {
    '/health': liveness,
    '/healthz': liveness,
    '/livez': liveness,
    '/ready': readiness,
    '/readyz': readiness,
    '/metrics': () => [200, metrics.text()],
  };
  return (request, response) => {
    const path = (request.url ?? '').split('?')[0];
    const [code, body] = Object.hasOwn(paths, path) ? paths[path]() : [404, '404 page not found\n'];
    response.writeHead(code, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(body);
  };
}

/** Resolves when it listens; rejects when it cannot. Closes when `signal` aborts. */
export async function serveHealth(address: Address, source: HealthSource, signal: AbortSignal): Promise<Server> {
  const server = createServer(answers(source));
  const listening = once(server, 'listening');
  server.listen({ host: address.host, port: address.port });
  await listening;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  if (signal.aborted) close();
  signal.addEventListener('abort', close, { once: true });
  return server;
}
