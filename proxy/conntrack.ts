// Clients that keep their port keep their conntrack entry, and with it an endpoint that may be gone. After a change of a UDP or
// SCTP port, entries of its frontends that lead nowhere are forgotten.
//
// For UDP all that upstream forgets (v1.36 pkg/proxy/conntrack): while anything serves, entries that lead elsewhere. Beyond that,
// and for SCTP only that, entries whose packets no one can want: they lead to an endpoint that no slice has any more, or from a frontend
// that no Service has any more. TCP is left alone: its peers reset what is dead, and a live one must not be cut.
import type { Conntrack, Flow, FlowProtocol } from '../host/conntrack.ts';
import type { EndpointSliceTracker } from './changes/endpoint-slices.ts';
import type { PlanStep } from './make-plan.ts';
import type { IPFamily, ServicePort } from './plan.ts';

export interface ServingPort {
  readonly port: ServicePort;
  /** Addresses of all its endpoints that serve, on any node, terminating ones too. */
  readonly serving: ReadonlySet<string>;
  /** Addresses of all its endpoints, whatever their state; default: those that serve. */
  readonly known?: ReadonlySet<string>;
  /** As it was before the change; absent: it was not there. */
  readonly before?: ServicePort;
}

export interface ForgottenFlow {
  readonly servicePort: string;
  readonly flow: Flow;
}

/** Tells whether a flow to one frontend is stale. */
interface Verdict {
  readonly servicePort: string;
  readonly isStale: (flow: Flow) => boolean;
}

const isFollowed = ({ protocol }: ServicePort): boolean => protocol !== 'TCP';
const protocolOf = (port: ServicePort): FlowProtocol => port.protocol.toLowerCase() as FlowProtocol;
/** Somebody, which can only have been the proxy, sent it on. */
const isRedirected = ({ replySource, destination }: Flow): boolean => replySource !== destination;

/** Returns the flows that were forgotten. `removed`: service ports that are no longer there. */
export async function forgetStaleFlows(
  ports: readonly ServingPort[],
  conntrack: Conntrack,
  removed: readonly ServicePort[] = [],
): Promise<ForgottenFlow[]> {
  const byFrontend = new Map<string, Verdict>();
  for (const port of removed.filter(isFollowed)) judgeRemoved(port, byFrontend);
  for (const { before } of ports) if (before && isFollowed(before)) judgeRemoved(before, byFrontend);
  for (const serving of ports.filter(({ port }) => isFollowed(port))) judge(serving, byFrontend);
  const protocols = new Set([...byFrontend.keys()].map((frontend) => frontend.split(' ')[0] as FlowProtocol));
  const forgotten: ForgottenFlow[] = [];
  for (const protocol of protocols) {
    for (const flow of await conntrack.list(protocol)) {
      const { destination, destinationPort } = flow;
      const verdict =
        byFrontend.get(`${protocol} ${destination} ${destinationPort}`) ??
        byFrontend.get(`${protocol} * ${destinationPort}`);
      if (verdict?.isStale(flow)) forgotten.push({ servicePort: verdict.servicePort, flow });
    }
  }
  await conntrack.delete(forgotten.map(({ flow }) => flow));
  return forgotten;
}

/** Node ports are entered as `*`: any of the node's addresses may have been asked. */
function frontends(port: ServicePort): { byAddress: string[]; byNodePort: string[] } {
  const protocol = protocolOf(port);
  const ips = [port.clusterIP, ...port.externalIPs, ...port.loadBalancerIPs];
  const byNodePort = port.nodePort > 0 ? [`${protocol} * ${port.nodePort}`] : [];
  return { byAddress: ips.map((ip) => `${protocol} ${ip} ${port.port}`), byNodePort };
}

const endpointIPs = (port: ServicePort | undefined): ReadonlySet<string> =>
  new Set([...(port?.clusterEndpoints ?? []), ...(port?.localEndpoints ?? [])].map(({ ip }) => ip));

function judge({ port, serving, known = serving, before }: ServingPort, verdicts: Map<string, Verdict>): void {
  const servicePort = port.id;
  const isGone = (flow: Flow): boolean => isRedirected(flow) && !known.has(flow.replySource);
  const former = endpointIPs(before);
  const isElsewhere = ({ replySource }: Flow): boolean => !serving.has(replySource);
  const isUpstreams = port.protocol === 'UDP' && serving.size > 0;
  const { byAddress, byNodePort } = frontends(port);
  for (const frontend of byAddress)
    verdicts.set(frontend, { servicePort, isStale: isUpstreams ? isElsewhere : isGone });
  // Others may own flows to the same number at other addresses: only what led to an endpoint of ours is surely ours.
  const wasOurs = (flow: Flow): boolean => former.has(flow.replySource) && isGone(flow);
  for (const frontend of byNodePort)
    verdicts.set(frontend, { servicePort, isStale: isUpstreams ? isElsewhere : wasOurs });
}

function judgeRemoved(port: ServicePort, verdicts: Map<string, Verdict>): void {
  const { byAddress, byNodePort } = frontends(port);
  const former = endpointIPs(port);
  const wasOurs = (flow: Flow): boolean => former.has(flow.replySource);
  for (const frontend of byAddress) verdicts.set(frontend, { servicePort: port.id, isStale: isRedirected });
  for (const frontend of byNodePort) verdicts.set(frontend, { servicePort: port.id, isStale: wasOurs });
}

/** Remembers which service ports changed until their flows have been judged, which must wait for the rules. */
export class StaleFlows {
  readonly #conntrack: Conntrack;
  readonly #family: IPFamily;
  readonly #slices: EndpointSliceTracker;
  /** Services whose ports or endpoints changed. */
  readonly #touched = new Set<string>();
  /** Ports as they were before the first change that was not judged yet. */
  readonly #before = new Map<string, ServicePort>();

  constructor(conntrack: Conntrack, family: IPFamily, slices: EndpointSliceTracker) {
    this.#conntrack = conntrack;
    this.#family = family;
    this.#slices = slices;
  }

  /** `keys` are Services (`namespace/name`) that changed or whose slices did. */
  note({ before, plan }: PlanStep, keys: Iterable<string>): void {
    for (const key of keys) this.#touched.add(key);
    for (const [id, port] of before) {
      // A port of the same name and another protocol is another port.
      const name = plan.services.get(id)?.protocol === port.protocol ? id : `${id} ${port.protocol}`;
      if (isFollowed(port) && !this.#before.has(name)) this.#before.set(name, port);
    }
  }

  /** The rules are as the step's plan says. Throws ExecError; what was noted is judged again next time then. */
  async forget({ plan, portsOf }: PlanStep): Promise<ForgottenFlow[]> {
    const ports = [...this.#touched]
      .flatMap(portsOf)
      .filter(isFollowed)
      .map((port) => this.#servingPort(port));
    const removed = [...this.#before].filter(([name]) => !plan.services.has(name)).map(([, port]) => port);
    const forgotten = await forgetStaleFlows(ports, this.#conntrack, removed);
    this.#touched.clear();
    this.#before.clear();
    return forgotten;
  }

  #servingPort(port: ServicePort): ServingPort {
    const { namespace, name, portName, protocol } = port;
    const endpoints = this.#slices.endpoints(`${namespace}/${name}`, portName, protocol, this.#family);
    return {
      port,
      serving: new Set(endpoints.filter(({ serving }) => serving).map(({ ip }) => ip)),
      known: new Set(endpoints.map(({ ip }) => ip)),
      before: this.#before.get(port.id),
    };
  }
}
