// Keeps Services and the IPAddress objects of their cluster IPs together, and the default ServiceCIDR in being: all of them once at
// start-up, later those that change.
import type { Service } from '../../api/types/core.v1.ts';
import type { IPAddress } from '../../api/types/networking.v1.ts';
import { Bell } from '../../host/bell.ts';
import type { Logger } from '../../host/log.ts';
import { type Fault, faultOfAddress, faultsOfService, type Known } from '../allocators/address-faults.ts';
import { ADDRESSES, addressKey, releaseAddressOp, takeAddressOp } from '../allocators/ip-addresses.ts';
import type { PortRange } from '../allocators/node-ports.ts';
import { SERVICE_CIDRS, type ServiceRanges } from '../allocators/service-ranges.ts';
import { eventOp } from '../events.ts';
import type { Registry } from '../registry/registry.ts';
import { type Change, type Op, PreconditionError } from '../storage/store.ts';

export interface AddressRepairOptions {
  readonly registry: Pick<Registry, 'store' | 'catalogue' | 'clock'>;
  readonly ranges: ServiceRanges;
  readonly ports: PortRange;
  /** What brings the default ServiceCIDR back; undefined while it is there. */
  readonly defaultRange: () => Op | undefined;
  readonly log: Logger;
}

const SERVICES = '/services/';

/** Mends all that is stored. */
export async function repairAddresses(options: AddressRepairOptions): Promise<void> {
  const { store } = options.registry;
  const known = await knownTo(options);
  for (const prefix of [SERVICES, ADDRESSES]) {
    for (const { key } of (await store.list(prefix)).entries) await repair(key, known, options);
  }
}

/**
 * Mends what comes apart later: an address that is written or deleted by itself. What is written with its Service, in one commit, is
 * the allocator's, and right. Ends when `signal` aborts.
 */
export async function repairAddressesLoop(options: AddressRepairOptions, signal: AbortSignal): Promise<void> {
  const { store } = options.registry;
  const after = store.revision;
  const bell = new Bell();
  /** Revisions that changed a Service, since the oldest of `changes`. */
  const ours = new Set<number>();
  let changes: Change[] = [];
  const stops = await Promise.all([
    store.watch(SERVICES, after, ({ revision }) => {
      if (changes.length === 0) ours.clear();
      ours.add(revision);
    }),
    ...[ADDRESSES, SERVICE_CIDRS].map((prefix) =>
      store.watch(prefix, after, (change) => {
        changes.push(change);
        bell.ring();
      }),
    ),
  ]);
  while (!signal.aborted) {
    await bell.rung(signal);
    const alone = changes.filter(({ revision }) => !ours.has(revision));
    changes = [];
    ours.clear();
    if (alone.length > 0 && !signal.aborted) await repairChanged(alone, options, signal);
  }
  for (const stop of stops) stop();
}

async function repairChanged(
  changes: readonly Change[],
  options: AddressRepairOptions,
  signal: AbortSignal,
): Promise<void> {
  const keys = new Set(changes.flatMap(touchedBy));
  try {
    if ([...keys].some((key) => key.startsWith(SERVICE_CIDRS))) await commit(options, options.defaultRange());
    const known = await knownTo(options);
    for (const key of keys) await repair(key, known, options);
  } catch (error) {
    if (!signal.aborted) options.log.error({ err: error }, 'repairing addresses failed; tried again when they change');
  }
}

/** The object itself, and of an address the Service that has or had it. */
function touchedBy(change: Change): string[] {
  const key = change.type === 'put' ? change.entry.key : change.key;
  if (!key.startsWith(ADDRESSES)) return [key];
  const entries = [change.previous, change.type === 'put' ? change.entry : undefined];
  const parents = entries.flatMap((entry) => (entry ? [decode<IPAddress>(entry.value).spec?.parentRef] : []));
  return [key, ...parents.flatMap((parent) => (parent ? [`${SERVICES}${parent.namespace}/${parent.name}`] : []))];
}

async function knownTo({ registry: { store }, ranges, ports }: AddressRepairOptions): Promise<Known> {
  const read = <T>(key: string): T | undefined => {
    const entry = store.get(key);
    return entry && decode<T>(entry.value);
  };
  return {
    addressOf: (name) => read<IPAddress>(addressKey(name)),
    serviceAt: (namespace, name) => read<Service>(`${SERVICES}${namespace}/${name}`),
    ranges: await ranges.current(),
    ports,
  };
}

async function repair(key: string, known: Known, options: AddressRepairOptions): Promise<void> {
  const entry = options.registry.store.get(key);
  if (!entry) return;
  if (key.startsWith(SERVICES)) {
    for (const fault of faultsOfService(decode<Service>(entry.value), known)) await mend(fault, options);
  } else if (key.startsWith(ADDRESSES)) {
    const fault = faultOfAddress(decode<IPAddress>(entry.value), known);
    if (fault) await mend(fault, options);
  }
}

async function mend({ event, free, give }: Fault, options: AddressRepairOptions): Promise<void> {
  const { registry, log } = options;
  const now = registry.clock.now();
  log.warn({ about: event.about.metadata.name, namespace: event.about.metadata.namespace }, event.note);
  await commit(options, eventOp(registry.catalogue, event, now));
  if (free) await commit(options, releaseAddressOp(free));
  if (give) await commit(options, takeAddressOp(give.address, give.to, now));
}

/** What somebody changed meanwhile is looked at again because of that change. */
async function commit({ registry }: AddressRepairOptions, op: Op | undefined): Promise<void> {
  if (!op) return;
  try {
    await registry.store.commit([op]);
  } catch (error) {
    if (!(error instanceof PreconditionError)) throw error;
  }
}

const decode = <T>(value: Buffer): T => JSON.parse(value.toString()) as T;
