// What an API server that validates never sends. A service port with such a value is left out before any backend sees it: it costs
// the others nothing, and no backend has to find out by being refused.
import { reachableEndpoints, type ServicePort } from './plan.ts';

/** A service port that is not served, and what is wrong with it. */
export interface Malformed {
  readonly port: Pick<ServicePort, 'id' | 'namespace' | 'name'>;
  readonly why: string;
}

/** RFC 1123, as upstream asks of namespaces, Services and the names of their ports. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const PROTOCOLS: ReadonlySet<unknown> = new Set(['TCP', 'UDP', 'SCTP']);
const POLICIES: ReadonlySet<unknown> = new Set(['Cluster', 'Local']);
/** Seconds: a day (upstream v1.36 pkg/apis/core/validation). */
const LONGEST_AFFINITY = 86_400;
/** Letters of a wrong value that are shown. */
const SHOWN = 60;

const isWithin = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
const isPort = (value: unknown): boolean => isWithin(value, 1, 65_535);

/** As JSON: whatever it is, it stays on its line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

/** What is wrong with the first value that is; undefined: nothing is. Addresses have been read already. */
export function malformation(port: ServicePort): string | undefined {
  const checks: readonly [what: string, value: unknown, isFine: boolean][] = [
    ['namespace', port.namespace, LABEL.test(port.namespace)],
    ['name', port.name, LABEL.test(port.name)],
    ['port name', port.portName, port.portName === '' || LABEL.test(port.portName)],
    ['protocol', port.protocol, PROTOCOLS.has(port.protocol)],
    ['port', port.port, isPort(port.port)],
    ['node port', port.nodePort, isWithin(port.nodePort, 0, 65_535)],
    ['health check node port', port.healthCheckNodePort, isWithin(port.healthCheckNodePort, 0, 65_535)],
    ['affinity timeout', port.affinitySeconds, isWithin(port.affinitySeconds, 0, LONGEST_AFFINITY)],
    ['internalTrafficPolicy', port.internalTrafficPolicy, POLICIES.has(port.internalTrafficPolicy)],
    ['externalTrafficPolicy', port.externalTrafficPolicy, POLICIES.has(port.externalTrafficPolicy)],
  ];
  const wrong = checks.find(([, , isFine]) => !isFine);
  if (wrong) return `not a valid ${wrong[0]}: ${shown(wrong[1])}`;
  const endpoint = reachableEndpoints(port).find((one) => !isPort(one.port));
  return endpoint && `not a valid port of endpoint ${endpoint.ip}: ${shown(endpoint.port)}`;
}
