// What a Service takes from the cluster: its cluster IP and node ports. The IPAddress object of a cluster IP is written in the
// same commit as its Service, and the bitmaps are rebuilt from the Services at start-up, so that neither a crash nor a refused
// write leaks an address (k8s.io/kubernetes v1.36 pkg/registry/core/service/storage/alloc.go).
import type { FieldError } from '../../api/field.ts';
import { invalid } from '../../api/field.ts';
import type { Kind } from '../../api/kind.ts';
import type { AnyObject } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import type { Service, ServicePort } from '../../api/types/core.v1.ts';
import type { Entry, Op } from '../storage/store.ts';
import { AddressError, type ClusterIPs } from './cluster-ips.ts';
import { releaseAddressOp, takeAddressOp } from './ip-addresses.ts';
import { type NodePorts, PortError } from './node-ports.ts';

/** What one write took and will give back. Exactly one of `settle` and `cancel` is called. */
export interface Allocation {
  /** To be committed together with the Service. `now` in ms since the epoch. */
  ops(now: number): Op[];
  /** The write is durable: what the old Service had and the new one has not is free again. */
  settle(): void;
  /** The write did not happen: what was taken for it is free again. */
  cancel(): void;
}

const NOTHING: Allocation = { ops: () => [], settle: () => {}, cancel: () => {} };

interface Holdings {
  readonly addresses: ReadonlySet<string>;
  readonly ports: ReadonlySet<number>;
}

export class ServiceAllocator {
  readonly #addresses: ClusterIPs;
  readonly #ports: NodePorts;

  constructor(addresses: ClusterIPs, ports: NodePorts) {
    this.#addresses = addresses;
    this.#ports = ports;
  }

  /** Takes what stored Services have, at start-up. Two Services with one address cannot be stored, so nothing is lost. */
  adopt(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { addresses, ports } = holdingsOf(JSON.parse(entry.value.toString()));
      for (const address of addresses) if (!this.#addresses.has(address)) tryTake(() => this.#addresses.take(address));
      for (const port of ports) if (!this.#ports.has(port)) tryTake(() => this.#ports.take(port));
    }
  }

  /** Fills in what the Service asks for by leaving it out. Throws 422 when something cannot be had; then nothing is taken. */
  allocate(kind: Kind, object: AnyObject, old: AnyObject | undefined, options: { dryRun: boolean }): Allocation {
    if (!isService(kind)) return NOTHING;
    const service = object as unknown as Service;
    const before = holdingsOf(old as unknown as Service | undefined);
    const taken = { addresses: [] as string[], ports: [] as number[] };
    const cancel = (): void => {
      for (const address of taken.addresses) this.#addresses.release(address);
      for (const port of taken.ports) this.#ports.release(port);
    };
    try {
      this.#takeAddress(service, before.addresses, taken.addresses, options);
      this.#takePorts(service, before.ports, taken.ports);
      this.#takeHealthCheckPort(service, before.ports, taken.ports);
    } catch (error) {
      cancel();
      throw error;
    }
    const after = holdingsOf(service);
    const lost = [...before.addresses].filter((address) => !after.addresses.has(address));
    return {
      ops: (now) => [
        ...taken.addresses.map((address) => takeAddressOp(address, service, now)),
        ...lost.map((address) => releaseAddressOp(address)),
      ],
      settle: () => {
        for (const address of lost) this.#addresses.release(address);
        for (const port of before.ports) if (!after.ports.has(port)) this.#ports.release(port);
      },
      cancel,
    };
  }

  /** What must be written when a Service goes. */
  releaseOps(kind: Kind, object: AnyObject): Op[] {
    if (!isService(kind)) return [];
    return [...holdingsOf(object as unknown as Service).addresses].map((address) => releaseAddressOp(address));
  }

  /** Gives back all a Service had, after it is durably gone. */
  release(kind: Kind, object: AnyObject): void {
    if (!isService(kind)) return;
    const { addresses, ports } = holdingsOf(object as unknown as Service);
    for (const address of addresses) this.#addresses.release(address);
    for (const port of ports) this.#ports.release(port);
  }

  #takeAddress(service: Service, had: ReadonlySet<string>, taken: string[], { dryRun }: { dryRun: boolean }): void {
    const spec = service.spec!;
    if (spec.type === 'ExternalName' || spec.clusterIP === 'None') return;
    const asked = spec.clusterIPs?.[0] ?? spec.clusterIP ?? '';
    if (asked && had.has(asked)) return;
    // A dry run shows the range's own address, which nobody can have.
    if (dryRun && !asked) {
      spec.clusterIP = this.#addresses.network;
      spec.clusterIPs = [spec.clusterIP];
      return;
    }
    try {
      const address = asked || this.#addresses.takeNext();
      if (asked) this.#addresses.take(asked);
      taken.push(address);
      spec.clusterIP = address;
      spec.clusterIPs = [address];
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      const why = asked
        ? `failed to allocate IP ${asked}: ${error.message}`
        : `failed to allocate a serviceIP: ${error.message}`;
      throw refused(service, invalid('spec.clusterIPs', asked ? [asked] : [], why));
    }
  }

  /** One number may serve TCP and UDP of the same Service. */
  #takePorts(service: Service, had: ReadonlySet<number>, taken: number[]): void {
    if (!wantsNodePorts(service)) return;
    const ports = service.spec!.ports ?? [];
    for (const [index, port] of ports.entries()) {
      if (port.nodePort) this.#takePort(service, port, index, had, taken);
    }
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
      const why = port.nodePort ? error.message : `failed to allocate a nodePort: ${error.message}`;
      throw refused(service, invalid(`spec.ports[${index}].nodePort`, port.nodePort ?? 0, why));
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
      throw StatusError.internal(
        `failed to allocate requested HealthCheck NodePort ${spec.healthCheckNodePort}: ${error.message}`,
      );
    }
  }
}

const isService = (kind: Kind): boolean => kind.group === '' && kind.kind === 'Service';

function wantsNodePorts({ spec }: Service): boolean {
  if (spec?.type === 'NodePort') return true;
  return spec?.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false;
}

const wantsHealthCheckPort = ({ spec }: Service): boolean =>
  spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

function holdingsOf(service: Service | undefined): Holdings {
  const spec = service?.spec;
  const addresses =
    spec?.type === 'ExternalName' ? [] : (spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : []));
  const ports = (spec?.ports ?? []).map((port) => port.nodePort ?? 0);
  return {
    addresses: new Set(addresses.filter((address) => address && address !== 'None')),
    ports: new Set([...ports, spec?.healthCheckNodePort ?? 0].filter((port) => port > 0)),
  };
}

function refused(service: Service, error: FieldError): StatusError {
  return StatusError.invalid({ group: '', kind: 'Service' }, service.metadata.name, [error]);
}

/** A stored Service outside today's ranges keeps its values; they are nobody else's to take. */
function tryTake(take: () => void): void {
  try {
    take();
  } catch (error) {
    if (!(error instanceof AddressError) && !(error instanceof PortError)) throw error;
  }
}
