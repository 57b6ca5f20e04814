// Which endpoints a policy may use on this node (upstream v1.36 pkg/proxy/topology.go): ready ones, by topology hints when
// every ready endpoint carries them, and when none is ready those that still serve while terminating.
import type { TrackedEndpoint } from './changes/endpoint-slices.ts';
import type { Endpoint } from './plan.ts';

export interface Usable {
  readonly clusterEndpoints: readonly Endpoint[];
  readonly localEndpoints: readonly Endpoint[];
  /** Whether any endpoint, anywhere, could serve. */
  readonly hasEndpoints: boolean;
}

export interface Place {
  readonly nodeName: string;
  /** '' when unknown. */
  readonly zone: string;
}

const isLastResort = ({ serving, terminating }: TrackedEndpoint): boolean => serving && terminating;

/** `uses`: whether any traffic of the service port follows policy Cluster, or Local. */
export function usableEndpoints(
  endpoints: readonly TrackedEndpoint[],
  uses: { cluster: boolean; local: boolean },
  place: Place,
): Usable {
  const plain = ({ ip, port, nodeName }: TrackedEndpoint): Endpoint => ({
    ip,
    port,
    isLocal: nodeName !== '' && nodeName === place.nodeName,
  });
  const here = endpoints.filter(({ nodeName }) => nodeName !== '' && nodeName === place.nodeName);
  const cluster = uses.cluster ? readyOrServing(endpoints, hinted(endpoints, place)) : [];
  return {
    clusterEndpoints: cluster.map(plain),
    localEndpoints: uses.local ? readyOrServing(here, () => true).map(plain) : [],
    hasEndpoints: uses.local
      ? endpoints.some((endpoint) => endpoint.ready || isLastResort(endpoint))
      : cluster.length > 0,
  };
}

function readyOrServing(
  endpoints: readonly TrackedEndpoint[],
  preferred: (endpoint: TrackedEndpoint) => boolean,
): readonly TrackedEndpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready && preferred(endpoint));
  return ready.length > 0 ? ready : endpoints.filter(isLastResort);
}

/**
 * Hints are followed only when every ready endpoint has them and some endpoint is hinted for here: node hints first, then
 * zone hints. Otherwise all endpoints serve everyone.
 */
function hinted(endpoints: readonly TrackedEndpoint[], { nodeName, zone }: Place): (e: TrackedEndpoint) => boolean {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const forNode = (endpoint: TrackedEndpoint): boolean => endpoint.nodeHints.includes(nodeName);
  const forZone = (endpoint: TrackedEndpoint): boolean => endpoint.zoneHints.includes(zone);
  if (ready.every(({ nodeHints }) => nodeHints.length > 0) && ready.some(forNode)) return forNode;
  if (ready.every(({ zoneHints }) => zoneHints.length > 0) && ready.some(forZone)) return forZone;
  return () => true;
}
