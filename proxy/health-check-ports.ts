// healthCheckNodePorts: where load balancers ask whether this node has endpoints of a Service with externalTrafficPolicy Local
// (upstream v1.36 pkg/proxy/healthcheck/service_health.go). Each port answers any request, whatever its path or method.
import { createServer, type Server } from 'node:http';
import type { Logger } from '../host/log.ts';
import type { PlanStep } from './make-plan.ts';
import type { IPFamily } from './plan.ts';

export interface HealthCheckSource {
  /** How many ready endpoints of the Service (`namespace/name`) run on this node. */
  readonly countLocal: (service: string, family: IPFamily) => number;
  /** Whether this proxy's rules follow what the cluster says. */
  readonly isProxyHealthy: () => boolean;
  /** Tells whoever looks at the Service that a port could not be opened. */
  readonly onFailure: (service: string, port: number, error: Error) => void;
  readonly log: Logger;
}

interface Listening {
  readonly port: number;
  /** As of the last sync. */
  localEndpoints: number;
  readonly servers: readonly Server[];
}

export class HealthCheckPorts {
  readonly #family: IPFamily;
  readonly #source: HealthCheckSource;
  /** By Service. */
  readonly #listening = new Map<string, Listening>();
  #addresses: readonly string[] = [];
  /** Services to look at when the rules are there. */
  readonly #touched = new Set<string>();
  #step: PlanStep | undefined;

  constructor(family: IPFamily, source: HealthCheckSource, signal: AbortSignal) {
    this.#family = family;
    this.#source = source;
    signal.addEventListener('abort', () => this.#closeAll(), { once: true });
  }

  /** Remembers what changed: `keys` are Services (`namespace/name`) that did, or whose slices did. */
  note(step: PlanStep, keys: Iterable<string>): void {
    this.#step = step;
    for (const key of keys) this.#touched.add(key);
  }

  /** The rules are as noted: only now may load balancers hear of it. */
  follow(): void {
    if (!this.#step) return;
    const { plan, portsOf } = this.#step;
    const { nodePortIPs } = plan.node;
    const everywhere = this.#family === 'IPv4' ? '0.0.0.0' : '::';
    const addresses = nodePortIPs === 'all' ? [everywhere] : nodePortIPs;
    if (addresses.join() !== this.#addresses.join()) {
      for (const service of this.#listening.keys()) this.#touched.add(service);
      this.#closeAll();
      this.#addresses = addresses;
    }
    for (const service of this.#touched) {
      const port = portsOf(service).find((one) => one.healthCheckNodePort > 0)?.healthCheckNodePort ?? 0;
      const listening = this.#listening.get(service);
      if (listening && listening.port !== port) this.#close(service);
      if (port > 0 && !this.#listening.has(service)) this.#open(service, port);
      const now = this.#listening.get(service);
      if (now) now.localEndpoints = this.#source.countLocal(service, this.#family);
    }
    this.#touched.clear();
  }

  #open(service: string, port: number): void {
    const servers = this.#addresses.map((host) => {
      const server = createServer((_request, response) => {
        const { body, count, isHealthy } = this.#report(service);
        response.writeHead(isHealthy ? 200 : 503, {
          'Content-Type': 'application/json',
          'X-Content-Type-Options': 'nosniff',
          'X-Load-Balancing-Endpoint-Weight': String(count),
          'Content-Length': Buffer.byteLength(body),
        });
        response.end(body);
      });
      server.on('error', (error) => {
        this.#source.log.error({ service, port, host, error: error.message }, 'health checks cannot be answered');
        this.#source.onFailure(service, port, error);
      });
      return server.listen({ host, port, ipv6Only: this.#family === 'IPv6' });
    });
    this.#listening.set(service, { port, localEndpoints: 0, servers });
  }

  #report(service: string): { body: string; count: number; isHealthy: boolean } {
    const [namespace, name] = service.split('/');
    const localEndpoints = this.#listening.get(service)?.localEndpoints ?? 0;
    const serviceProxyHealthy = this.#source.isProxyHealthy();
    const body = JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy }, undefined, '\t');
    return { body, count: localEndpoints, isHealthy: localEndpoints > 0 && serviceProxyHealthy };
  }

  #close(service: string): void {
    for (const server of this.#listening.get(service)?.servers ?? []) {
      server.close();
      server.closeAllConnections();
    }
    this.#listening.delete(service);
  }

  #closeAll(): void {
    for (const service of [...this.#listening.keys()]) this.#close(service);
  }
}
