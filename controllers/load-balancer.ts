// Gives Services of type LoadBalancer an address, as a cloud's controller does (upstream staging/src/k8s.io/cloud-provider/
// controllers/service/controller.go): a finalizer while the balancer stands, the address in the status, Events about both.
// The balancing itself is done by whoever reads the status.
import { type Family, familyOf } from '../api/ip.ts';
import type { KubeObject } from '../api/object.ts';
import type { Service } from '../api/types/core.v1.ts';
import type { Client, Resource } from '../client/client.ts';
import { services } from '../client/resources.ts';
import type { Controller, Environment } from './environment.ts';
import { AddressPools } from './load-balancer-addresses.ts';
import { controlLoop } from './loop.ts';

export const FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';

export function loadBalancerController(environment: Environment): Controller {
  const { client, informers, options, log } = environment;
  const blocks = options.loadBalancerCIDRs;
  const pools = new AddressPools(blocks);
  const queue = environment.queue('service');
  const recorder = environment.recorder('service-controller');
  const cache = informers.of(services);

  const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`;
  /** Its own, as far as there are addresses of them. */
  const familiesOf = ({ spec }: Service): Family[] =>
    ((spec?.ipFamilies ?? []) as Family[]).filter((family) => pools.serves(family));
  const say = (object: Service, type: 'Normal' | 'Warning', reason: string, message: string): void =>
    recorder.record({ resource: services, object, type, reason, message });

  cache.addHandlers({
    add: (service) => isOurs(service) && queue.add(keyOf(service)),
    update(service, old) {
      if (service.spec?.type !== old.spec?.type && (wantsBalancer(service) || wantsBalancer(old))) {
        say(service, 'Normal', 'Type', `${old.spec?.type} -> ${service.spec?.type}`);
      }
      if (isOurs(service) || isOurs(old)) queue.add(keyOf(service));
    },
    delete: (service) => release(keyOf(service)),
  });

  /** Of the families that are not in `but`. Who found no address may find one now. */
  function release(key: string, but: readonly Family[] = []): void {
    if (!pools.release(key, but)) return;
    for (const waiting of cache.list()) {
      if (wantsBalancer(waiting) && addressesOf(waiting).length < familiesOf(waiting).length) queue.add(keyOf(waiting));
    }
  }

  async function reconcile(key: string): Promise<void> {
    const service = cache.get(key);
    if (!service) return release(key);
    if (wantsBalancer(service)) await ensure(key, service);
    else if (hasFinalizer(service)) await remove(key, service);
  }

  async function ensure(key: string, service: Service): Promise<void> {
    if (blocks.length === 0) return;
    const families = familiesOf(service);
    const addresses = pools.take(key, families, wantedBy(service, families));
    if (addresses?.join() === addressesOf(service).join() && hasFinalizer(service)) return;
    say(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
    if (!addresses) {
      const wanted = service.spec?.loadBalancerIP;
      const why = wanted
        ? `${wanted} is not free in ${blocks.join(' and ')}`
        : `no address of ${blocks.join(' and ')} is free`;
      say(
        service,
        'Warning',
        'SyncLoadBalancerFailed',
        `Error syncing load balancer: failed to ensure load balancer: ${why}`,
      );
      log.warn({ service: key, why }, 'no load balancer');
      return; // an address that becomes free brings it back here
    }
    const current = hasFinalizer(service)
      ? service
      : await setFinalizers(client, service, [...finalizersOf(service), FINALIZER]);
    await setStatus(
      client,
      current,
      addresses.map((ip) => ({ ip, ipMode: 'VIP' })),
    );
    release(key, families);
    say(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
  }

  async function remove(key: string, service: Service): Promise<void> {
    say(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
    // First nobody sends there any more, then the address is free, then the object may go.
    const current = addressesOf(service).length === 0 ? service : await setStatus(client, service, []);
    release(key);
    say(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
    await setFinalizers(
      client,
      current,
      finalizersOf(current).filter((name) => name !== FINALIZER),
    );
  }

  // One at a time: two Services must never be promised the same address.
  const loop = { name: 'service-lb', queue, informers: [cache], concurrency: 1, reconcile };
  const controller = controlLoop(loop, environment);
  return {
    name: controller.name,
    async run(signal) {
      await cache.synced();
      // Addresses that are held come first: a new Service must not be given one of them.
      for (const service of cache.list()) {
        const held = addressesOf(service).filter((ip) => pools.serves(familyOf(ip)!));
        if (held.length > 0 && wantsBalancer(service)) pools.take(keyOf(service), held.map(familyOf) as Family[], held);
      }
      await controller.run(signal);
    },
  };
}

/** A class names somebody else who balances. */
function wantsBalancer({ metadata, spec }: Service): boolean {
  return spec?.type === 'LoadBalancer' && !spec.loadBalancerClass && !metadata.deletionTimestamp;
}

const finalizersOf = ({ metadata }: Service): readonly string[] => metadata.finalizers ?? [];
const hasFinalizer = (service: Service): boolean => finalizersOf(service).includes(FINALIZER);
const isOurs = (service: Service): boolean => wantsBalancer(service) || hasFinalizer(service);
const addressesOf = ({ status }: Service): string[] =>
  (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));

/** What it has of its families' addresses; and the one it asks for, where it has none of that family. */
function wantedBy(service: Service, families: readonly Family[]): string[] {
  const has = addressesOf(service).filter((ip) => families.includes(familyOf(ip)!));
  const asked = service.spec?.loadBalancerIP;
  return asked && !has.some((ip) => familyOf(ip) === familyOf(asked)) ? [...has, asked] : has;
}

/** The version keeps a list that somebody else changed meanwhile from being overwritten. */
function setFinalizers(client: Client, service: Service, finalizers: readonly string[]): Promise<Service> {
  const { name, namespace, resourceVersion } = service.metadata;
  return client.patch(
    services as Resource<Service>,
    { name, namespace },
    { metadata: { resourceVersion, finalizers } },
  );
}

function setStatus(client: Client, service: Service, ingress: readonly object[]): Promise<Service> {
  const { name, namespace } = service.metadata;
  const status = { loadBalancer: ingress.length > 0 ? { ingress } : null };
  return client.patch(services, { name, namespace }, { status }, { subresource: 'status' });
}
