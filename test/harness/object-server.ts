// An API server that holds a recorded cluster still: lists it, and keeps watches open without a word. For clusters that hold what
// our own API server does not take.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnyObject } from '../../api/object.ts';

/** The resources that it knows, by the end of their path. */
const KINDS: Readonly<Record<string, string>> = {
  namespaces: 'Namespace',
  services: 'Service',
  endpointslices: 'EndpointSlice',
  pods: 'Pod',
};

export interface ObjectServer {
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

export async function serveObjects(items: readonly AnyObject[]): Promise<ObjectServer> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://server');
    const kind = KINDS[pathname.split('/').at(-1)!];
    response.writeHead(kind ? 200 : 404, { 'content-type': 'application/json' });
    if (searchParams.has('watch')) return response.flushHeaders();
    const metadata = { resourceVersion: '1' };
    response.end(JSON.stringify({ kind: `${kind}List`, metadata, items: items.filter((one) => one.kind === kind) }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const directory = mkdtempSync(join(tmpdir(), 'vitrine-objects-'));
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(configFor((server.address() as AddressInfo).port)));
  const stop = async (): Promise<void> => {
    const closed = once(server.close(), 'close');
    server.closeAllConnections();
    await closed;
    rmSync(directory, { recursive: true });
  };
  return { kubeconfig, stop };
}

function configFor(port: number): object {
  return {
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test' } }],
    clusters: [{ name: 'test', cluster: { server: `http://127.0.0.1:${port}` } }],
  };
}
