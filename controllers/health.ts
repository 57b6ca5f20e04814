// What others may ask the controllers over HTTP: whether they are there, and their numbers.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ControllerMetrics } from './metrics.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Resolves with what ends it when it listens; rejects with the system's error when it cannot. */
export async function serveHealth({ host, port }: Endpoint, metrics: ControllerMetrics): Promise<() => void> {
  const { registry } = metrics;
  const server = createServer(async ({ url = '' }, response) => {
    const path = url.split('?')[0];
    const isHealth = path === '/healthz' || path === '/livez' || path === '/readyz';
    if (path === '/metrics')
      response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics());
    else if (isHealth) response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('ok');
    else response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
  });
  const listening = once(server, 'listening');
  server.listen({ host, port });
  await listening;
  return () => {
    server.close();
    server.closeAllConnections();
  };
}
