// UDP clients that keep their port keep their conntrack entry, and with it an endpoint that may be gone: after a change of a
// UDP port's endpoints, entries of its frontends that lead elsewhere are forgotten (upstream pkg/proxy/conntrack).
import type { Conntrack, Flow } from '../host/conntrack.ts';
import type { ServicePort } from './plan.ts';

export interface ServingPort {
  readonly port: ServicePort;
  /** Addresses of all its endpoints that serve, on any node, terminating ones too. */
  readonly serving: ReadonlySet<string>;
}

/** Returns how many distinct flows were forgotten. Ports without serving endpoints are left: their packets are refused. */
export async function forgetStaleFlows(ports: readonly ServingPort[], conntrack: Conntrack): Promise<number> {
  const judged = ports.filter(({ port, serving }) => port.protocol === 'UDP' && serving.size > 0);
  if (judged.length === 0) return 0;
  const byAddress = new Map<string, ReadonlySet<string>>();
  const byNodePort = new Map<number, ReadonlySet<string>>();
  for (const { port, serving } of judged) {
    for (const ip of [port.clusterIP, ...port.externalIPs, ...port.loadBalancerIPs]) {
      byAddress.set(`${ip} ${port.port}`, serving);
    }
    if (port.nodePort > 0) byNodePort.set(port.nodePort, serving);
  }
  const isStale = ({ destination, destinationPort, replySource }: Flow): boolean => {
    const serving = byAddress.get(`${destination} ${destinationPort}`) ?? byNodePort.get(destinationPort);
    return serving !== undefined && !serving.has(replySource);
  };
  const stale = (await conntrack.listUDP()).filter(isStale);
  for (const flow of stale) await conntrack.deleteUDP(flow);
  return stale.length;
}
