// Says when a ServiceCIDR may give out addresses, and holds one back from being deleted while a cluster IP would be left without a
// range (upstream pkg/controller/servicecidrs).
import { type Block, contains, containsBlock, parseAddress, parseBlock } from '../api/ip.ts';
import { isReason } from '../api/status.ts';
import type { Condition } from '../api/types/meta.v1.ts';
import type { IPAddress, ServiceCIDR } from '../api/types/networking.v1.ts';
import type { Resource } from '../client/client.ts';
import { ipAddresses, serviceCIDRs } from '../client/resources.ts';
import { rfc3339 } from '../host/clock.ts';
import { withCondition } from './conditions.ts';
import type { Controller, Environment } from './environment.ts';
import { controlLoop } from './loop.ts';

export const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';
/** ms from the deletion until the finalizer goes: an API server may need so long to see that the range gives no more addresses. */
const GRACE_MS = 10_000;

const READY = { type: 'Ready', status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' };
const IN_USE = {
  type: 'Ready',
  status: 'False',
  reason: 'Terminating',
  message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
};

export function serviceCIDRController(environment: Environment): Controller {
  const { client, informers, options, clock } = environment;
  const queue = environment.queue('servicecidrs');
  const ranges = informers.of(serviceCIDRs);
  const addresses = informers.of(ipAddresses);

  /** A range or an address that comes or goes may hold another range, or let it go. */
  const addThoseLeaving = (): void => {
    for (const { metadata } of ranges.list()) if (metadata.deletionTimestamp) queue.add(metadata.name);
  };
  ranges.addHandlers({
    add({ metadata }) {
      queue.add(metadata.name);
      addThoseLeaving();
    },
    update: ({ metadata }) => queue.add(metadata.name),
    delete: addThoseLeaving,
  });
  addresses.addHandlers({ add: addThoseLeaving, delete: addThoseLeaving });

  async function reconcile(name: string): Promise<void> {
    const range = ranges.get(name);
    if (!range) return;
    const { deletionTimestamp, finalizers = [] } = range.metadata;
    if (!deletionTimestamp) {
      if (!finalizers.includes(FINALIZER)) await setFinalizers(range, [...finalizers, FINALIZER]);
      // Who made the default range has said so already, in other words.
      if (readiness(range)?.status !== 'True') await setCondition(range, READY);
      return;
    }
    if (!finalizers.includes(FINALIZER)) return;
    if (isNeeded(range, ranges.list(), addresses.list())) return setCondition(range, IN_USE);
    const wait = Date.parse(deletionTimestamp) + GRACE_MS - clock.now();
    if (wait > 0) queue.addAfter(name, wait);
    else
      await setFinalizers(
        range,
        finalizers.filter((one) => one !== FINALIZER),
      );
  }

  async function setFinalizers({ metadata }: ServiceCIDR, finalizers: readonly string[]): Promise<void> {
    const { name, resourceVersion } = metadata;
    await unlessGone(
      client.patch(serviceCIDRs as Resource<ServiceCIDR>, { name }, { metadata: { resourceVersion, finalizers } }),
    );
  }

  async function setCondition(
    { metadata, status }: ServiceCIDR,
    condition: Omit<Condition, 'lastTransitionTime'>,
  ): Promise<void> {
    const before = status?.conditions;
    const conditions = withCondition(before, { ...condition, lastTransitionTime: rfc3339(clock.now()) });
    if (conditions === before) return;
    await unlessGone(
      client.patch(serviceCIDRs, { name: metadata.name }, { status: { conditions } }, { subresource: 'status' }),
    );
  }

  const caches = [ranges, addresses];
  const concurrency = options.concurrentSyncs;
  return controlLoop({ name: 'service-cidr', queue, informers: caches, concurrency, reconcile }, environment);
}

const readiness = ({ status }: ServiceCIDR): Condition | undefined =>
  status?.conditions?.find(({ type }) => type === 'Ready');

async function unlessGone(write: Promise<unknown>): Promise<void> {
  await write.catch((error: unknown) => {
    if (!isReason(error, 'NotFound')) throw error;
  });
}

/** Whether a Service's address lies in this range and in no other. Pure; exported for its test. */
export function isNeeded(range: ServiceCIDR, all: readonly ServiceCIDR[], addresses: readonly IPAddress[]): boolean {
  const others = all.filter(({ metadata }) => metadata.name !== range.metadata.name).flatMap(blocksOf);
  const alone = blocksOf(range).filter((block) => !others.some((other) => containsBlock(other, block)));
  return addresses.some(({ metadata }) => {
    if (metadata.labels?.['ipaddress.kubernetes.io/managed-by'] !== 'ipallocator.k8s.io') return false;
    const address = parseAddress(metadata.name);
    if (!address || !alone.some((block) => contains(block, address))) return false;
    return !others.some((block) => contains(block, address));
  });
}

const blocksOf = ({ spec }: ServiceCIDR): Block[] => (spec?.cidrs ?? []).flatMap((cidr) => parseBlock(cidr) ?? []);
