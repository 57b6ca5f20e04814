// What a Service takes from the cluster: its cluster IPs and node ports. The IPAddress object of a cluster IP is written in the
// same commit as its Service, and the bitmap of ports is rebuilt from the Services at start-up, so that neither a crash nor a
// refused write leaks anything (k8s.io/kubernetes v1.36 pkg/registry/core/service/storage/alloc.go).
import type { FieldError } from '../../api/field.ts';
import { invalid } from '../../api/field.ts';
import { type Family, formatAddress, parseAddress } from '../../api/ip.ts';
import type { Kind } from '../../api/kind.ts';
import { settleFamilies } from '../../api/kinds/service-families.ts';
import type { AnyObject } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import type { Service, ServicePort } from '../../api/types/core.v1.ts';
import type { Entry, Op, Store } from '../storage/store.ts';
import { AddressError, ClusterIPs, checkOffered } from './cluster-ips.ts';
import { addressKey, releaseAddressOp, takeAddressOp } from './ip-addresses.ts';
import { type NodePorts, PortError } from './node-ports.ts';
import type { ServiceRange, ServiceRanges } from './service-ranges.ts';

/** What one write took and will give back. Exactly one of `settle` and `cancel` is called. */
export interface Allocation {
  /** To be committed together with the Service. `now` in ms since the epoch. */
  ops(now: number): Op[];
  /** The write is durable: what the old Service had and the new one has not is free again. */
  settle(): void;
  /** The write did not happen: what was taken for it is free again. */
  cancel(): void;
  /** What to tell the client when the op of this key was refused; undefined when it is none of ours. */
  refusalOf(key: string): StatusError | undefined;
}

export interface AllocateOptions {
  readonly dryRun?: boolean;
}

const NOTHING: Allocation = { ops: () => [], settle: () => {}, cancel: () => {}, refusalOf: () => undefined };

/** What this write has got so far. */
interface Taken {
  readonly addresses: string[];
  readonly ports: number[];
}

/** Where addresses come from. */
interface Source extends AllocateOptions {
  readonly ranges: readonly ServiceRange[];
}

interface Holdings {
  readonly addresses: ReadonlySet<string>;
  readonly ports: ReadonlySet<number>;
}

export interface ServiceAllocatorOptions {
  readonly store: Pick<Store, 'get'>;
  readonly ranges: ServiceRanges;
  readonly ports: NodePorts;
  /** The IP families Services may have, the default first. */
  readonly families: readonly Family[];
}

export class ServiceAllocator {
  readonly #ranges: ServiceRanges;
  readonly #addresses: ClusterIPs;
  readonly #ports: NodePorts;
  readonly #families: readonly Family[];

  constructor({ store, ranges, ports, families }: ServiceAllocatorOptions) {
    this.#ranges = ranges;
    this.#addresses = new ClusterIPs(store);
    this.#ports = ports;
    this.#families = families;
  }

  /** Takes the ports stored Services have, at start-up. */
  adopt(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { ports } = holdingsOf(JSON.parse(entry.value.toString()));
      for (const port of ports) if (!this.#ports.has(port)) tryTake(() => this.#ports.take(port));
    }
  }

  /** Fills in the IP families a write leaves out. Throws 422 when the cluster does not have what it asks for. */
  settle(kind: Kind, object: AnyObject, old: AnyObject | undefined): void {
    if (!isService(kind)) return;
    const service = object as unknown as Service;
    const errors = settleFamilies(service, old as unknown as Service | undefined, this.#families);
    if (errors.length > 0) throw refused(service, errors);
  }

  /** Fills in what the Service asks for by leaving it out. Throws 422 when something cannot be had; then nothing is taken. */
  async allocate(kind: Kind, object: AnyObject, old?: AnyObject, options: AllocateOptions = {}): Promise<Allocation> {
    if (!isService(kind)) return NOTHING;
    const service = object as unknown as Service;
    const before = holdingsOf(old as unknown as Service | undefined);
    const ranges = await this.#ranges.current();
    const taken: Taken = { addresses: [], ports: [] };
    const cancel = (): void => {
      for (const address of taken.addresses) this.#addresses.settle(address);
      for (const port of taken.ports) this.#ports.release(port);
    };
    try {
      this.#takeAddresses(service, before.addresses, taken.addresses, { ...options, ranges });
      this.#takePorts(service, before.ports, taken.ports);
      this.#takeHealthCheckPort(service, before.ports, taken.ports);
    } catch (error) {
      cancel();
      throw error;
    }
    return this.#allocation(service, before, taken, cancel);
  }

  #allocation(service: Service, before: Holdings, taken: Taken, cancel: () => void): Allocation {
    const after = holdingsOf(service);
    const lost = [...before.addresses].filter((address) => !after.addresses.has(address));
    return {
      ops: (now) => [
        ...taken.addresses.map((address) => takeAddressOp(address, service, now)),
        ...lost.map((address) => releaseAddressOp(address)),
      ],
      settle: () => {
        for (const address of taken.addresses) this.#addresses.settle(address);
        for (const port of before.ports) if (!after.ports.has(port)) this.#ports.release(port);
      },
      cancel,
      refusalOf: (key) => {
        const address = taken.addresses.find((one) => addressKey(one) === key);
        if (!address) return undefined;
        return refused(service, [notAllocated(service, address, 'provided IP is already allocated')]);
      },
    };
  }

  /** What must be written when a Service goes. */
  releaseOps(kind: Kind, object: AnyObject): Op[] {
    if (!isService(kind)) return [];
    return [...holdingsOf(object as unknown as Service).addresses].map((address) => releaseAddressOp(address));
  }

  /** Gives back the ports a Service had, after it is durably gone; its addresses went with their objects. */
  release(kind: Kind, object: AnyObject): void {
    if (!isService(kind)) return;
    for (const port of holdingsOf(object as unknown as Service).ports) this.#ports.release(port);
  }

  /** One address for each family. */
  #takeAddresses(service: Service, had: ReadonlySet<string>, taken: string[], from: Source): void {
    const spec = service.spec!;
    if (spec.type === 'ExternalName' || spec.clusterIP === 'None') return;
    const families = spec.ipFamilies ?? [];
    const asked = families.map((_, i) => spec.clusterIPs?.[i] ?? '');
    spec.clusterIPs = asked; // as a refusal quotes it
    spec.clusterIPs = families.map((family, i) => {
      if (!asked[i]) return this.#anyAddress(family as Family, taken, from);
      const address = canonical(asked[i]);
      if (!had.has(address)) this.#takeAddress(service, address, taken, from);
      return asked[i];
    });
    spec.clusterIP = spec.clusterIPs[0];
  }

  #takeAddress(service: Service, address: string, taken: string[], { dryRun, ranges }: Source): void {
    try {
      if (dryRun) checkOffered(address, ranges);
      else {
        this.#addresses.take(address, ranges);
        taken.push(address);
      }
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      throw refused(service, [notAllocated(service, address, error.message)]);
    }
  }

  /** A dry run shows the range's own address, which nobody can have. */
  #anyAddress(family: Family, taken: string[], { dryRun, ranges }: Source): string {
    const first = dryRun && ranges.find(({ block }) => block.family === family);
    if (first) return formatAddress({ family, value: first.block.base });
    try {
      const address = this.#addresses.takeNext(family, ranges);
      taken.push(address);
      return address;
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      throw StatusError.internal(`failed to allocate a serviceIP: ${error.message}`);
    }
  }

  /** One number may serve TCP and UDP of the same Service. */
  #takePorts(service: Service, had: ReadonlySet<number>, taken: number[]): void {
    if (!mayHaveNodePorts(service)) return;
    const ports = service.spec!.ports ?? [];
    for (const [index, port] of ports.entries()) {
      if (port.nodePort) this.#takePort(service, port, index, had, taken);
    }
    if (service.spec!.allocateLoadBalancerNodePorts === false) return;
    for (const [index, port] of ports.entries()) {
      if (port.nodePort) continue;
      const shared = ports.find(
        (other) => other.nodePort && other.port === port.port && other.protocol !== port.protocol,
      );
      const isFree =
        shared && !ports.some((other) => other.nodePort === shared.nodePort && other.protocol === port.protocol);
      if (isFree) port.nodePort = shared.nodePort;
      else this.#takePort(service, port, index, had, taken);
    }
  }

  #takePort(service: Service, port: ServicePort, index: number, had: ReadonlySet<number>, taken: number[]): void {
    // TCP and UDP of one Service may share a number; two ports of one protocol may not.
    const isOurs = port.nodePort !== undefined && (had.has(port.nodePort) || taken.includes(port.nodePort));
    const ports = service.spec!.ports!;
    const isShared = ports
      .slice(0, index)
      .some((other) => other.nodePort === port.nodePort && other.protocol === port.protocol);
    if (isOurs && !isShared) return;
    try {
      if (port.nodePort) this.#ports.take(port.nodePort);
      else port.nodePort = this.#ports.takeNext();
      taken.push(port.nodePort);
    } catch (error) {
      if (!(error instanceof PortError)) throw error;
      if (!port.nodePort) throw StatusError.internal(`failed to allocate a nodePort: ${error.message}`);
      throw refused(service, [invalid(`spec.ports[${index}].nodePort`, port.nodePort, error.message)]);
    }
  }

  #takeHealthCheckPort(service: Service, had: ReadonlySet<number>, taken: number[]): void {
    const spec = service.spec!;
    if (!wantsHealthCheckPort(service)) return;
    if (spec.healthCheckNodePort && had.has(spec.healthCheckNodePort)) return;
    try {
      if (spec.healthCheckNodePort) this.#ports.take(spec.healthCheckNodePort);
      else spec.healthCheckNodePort = this.#ports.takeNext();
      taken.push(spec.healthCheckNodePort);
    } catch (error) {
      if (!(error instanceof PortError)) throw error;
      const which = spec.healthCheckNodePort ? 'requested' : 'a';
      const port = spec.healthCheckNodePort ?? 0;
      throw StatusError.internal(`failed to allocate ${which} HealthCheck NodePort ${port}: ${error.message}`);
    }
  }
}

const isService = (kind: Kind): boolean => kind.group === '' && kind.kind === 'Service';

const mayHaveNodePorts = ({ spec }: Service): boolean => spec?.type === 'NodePort' || spec?.type === 'LoadBalancer';

const wantsHealthCheckPort = ({ spec }: Service): boolean =>
  spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

function holdingsOf(service: Service | undefined): Holdings {
  const spec = service?.spec;
  const addresses =
    spec?.type === 'ExternalName' ? [] : (spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : []));
  const ports = (spec?.ports ?? []).map((port) => port.nodePort ?? 0);
  return {
    addresses: new Set(addresses.filter((address) => address && address !== 'None').map(canonical)),
    ports: new Set([...ports, spec?.healthCheckNodePort ?? 0].filter((port) => port > 0)),
  };
}

/** As IPAddress objects are named. */
function canonical(text: string): string {
  const address = parseAddress(text);
  return address ? formatAddress(address) : text;
}

function notAllocated({ spec }: Service, address: string, why: string): FieldError {
  return invalid('spec.clusterIPs', spec?.clusterIPs ?? [], `failed to allocate IP ${address}: ${why}`);
}

function refused(service: Service, errors: readonly FieldError[]): StatusError {
  return StatusError.invalid({ group: '', kind: 'Service' }, service.metadata.name, errors);
}

/** A stored Service outside today's range keeps its ports; they are nobody else's to take. */
function tryTake(take: () => void): void {
  try {
    take();
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
  }
}
