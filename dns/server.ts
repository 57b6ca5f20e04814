// Cluster DNS, assembled: follows the API server, answers over UDP and TCP.

import { networkInterfaces } from 'node:os';
import { hostPort } from '../api/ip.ts';
import type { Client } from '../client/client.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { aborted, UsageError } from '../host/lifecycle.ts';
import type { Logger } from '../host/log.ts';
import { Catalog, type PodMode } from './catalog/catalog.ts';
import { Forwarder, type Upstream } from './forwarder.ts';
import { serveHealth } from './health.ts';
import { listenTCP } from './listen-tcp.ts';
import { type Address, type ListenOptions, listenUDP } from './listen-udp.ts';
import { DnsMetrics } from './metrics.ts';
import { Resolver } from './resolver.ts';
import { Responder } from './responder.ts';
import type { Name } from './wire/name.ts';

export interface DnsOptions {
  readonly client: Client;
  /** Each over UDP and TCP. */
  readonly listen: readonly Address[];
  readonly clusterZone: Name;
  readonly pods: PodMode;
  /** Seconds; default 30, as kubeadm configures CoreDNS. */
  readonly ttl?: number;
  /** Empty: names outside the cluster get SERVFAIL. */
  readonly forward: readonly Upstream[];
  /** How endpoints know this server; empty: by the addresses it listens on. */
  readonly advertise: readonly string[];
  /** HTTP for health and numbers; empty: none. */
  readonly http: readonly Address[];
  /** Called with each address, `ADDRESS:PORT`, when it answers there. */
  readonly answering: (address: string) => void;
  readonly clock?: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** How long the first lists may take before it answers with what it knows, ms; upstream's 5 s. */
const PATIENCE_MS = 5000;

/** Runs until `signal` aborts. Rejects with UsageError when it cannot listen. */
export async function runDns(options: DnsOptions): Promise<void> {
  const { client, clusterZone, clock = systemClock, log } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const metrics = new DnsMetrics(`dns://${options.listen.map(textOf).join(',')}`);
  let changedAt = clock.now();
  const catalog = new Catalog(options.pods, () => {
    changedAt = clock.now();
    responder.forget();
  });
  const ownAddresses = options.advertise.length > 0 ? options.advertise : addressesOf(options.listen);
  const serial = (): number => Math.floor(changedAt / 1000) % 2 ** 32;
  const resolver = new Resolver({ catalog, clusterZone, ttl: options.ttl ?? 30, ownAddresses, serial });
  const forwarder = options.forward.length > 0 ? new Forwarder({ upstreams: options.forward }) : undefined;
  const responder = new Responder({ resolver, forwarder, metrics, log });
  const serving = async (): Promise<void> => {
    const health = { isReady: () => catalog.isFilled, metrics };
    await Promise.all(options.http.map((at) => serveHealth(at, health, signal).catch(cannotListen(at))));
    await Promise.race([catalog.filled(), clock.sleep(PATIENCE_MS, signal).catch(() => undefined), aborted(signal)]);
    if (signal.aborted) return;
    for (const address of options.listen) {
      options.answering(textOf(await listen({ address, responder, log }, signal).catch(cannotListen(address))));
    }
    await aborted(signal);
  };
  const loops = [catalog.follow({ client, log }, signal), serving()];
  await Promise.all(loops.map((loop) => loop.catch((error: unknown) => failed.abort(error))));
  if (failed.signal.aborted) throw failed.signal.reason;
}

/** How many free ports of UDP may turn out to be taken over TCP. */
const PORT_TRIES = 10;

/** Over UDP and TCP at the same port, also where any free one is asked for. Returns where. */
async function listen(options: ListenOptions, signal: AbortSignal): Promise<Address> {
  const { host, port: wanted } = options.address;
  for (let left = wanted === 0 ? PORT_TRIES : 1; ; left--) {
    const datagrams = await listenUDP(options, signal);
    const { port } = datagrams.address();
    try {
      await listenTCP({ ...options, address: { host, port } }, signal);
      return { host, port };
    } catch (error) {
      datagrams.close();
      if (left === 1 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}

const cannotListen =
  (address: Address) =>
  (error: Error): never => {
    throw new UsageError(`cannot listen at ${textOf(address)}: ${error.message}`, 1);
  };

const textOf = ({ host, port }: Address): string => hostPort(host, port);

/** A wildcard stands for all addresses of this network but loopback. */
function addressesOf(listen: readonly Address[]): string[] {
  const isWildcard = ({ host }: Address): boolean => host === '0.0.0.0' || host === '::';
  if (!listen.some(isWildcard)) return listen.map(({ host }) => host);
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter(({ internal }) => !internal).map(({ address }) => address);
}
