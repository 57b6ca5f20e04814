// Hints for `trafficDistribution`: which zones and nodes should use an endpoint
// (k8s.io/endpointslice trafficdist/trafficdist.go).
import type { Service } from '../api/types/core.v1.ts';
import type { Endpoint } from '../api/types/discovery.v1.ts';
import type { PortGroup } from './slice-plan.ts';

/** The groups with hints on every ready endpoint, where the Service asks for them. */
export function hintsFor(service: Service, groups: readonly PortGroup[]): readonly PortGroup[] {
  const asked = service.spec?.trafficDistribution;
  if (asked !== 'PreferClose' && asked !== 'PreferSameZone' && asked !== 'PreferSameNode') return groups;
  const hinted = (endpoint: Endpoint): Endpoint => {
    if (!endpoint.conditions?.ready) return endpoint;
    const forZones = endpoint.zone ? { forZones: [{ name: endpoint.zone }] } : {};
    const forNodes = asked === 'PreferSameNode' && endpoint.nodeName ? { forNodes: [{ name: endpoint.nodeName }] } : {};
    const hints = { ...forZones, ...forNodes };
    return Object.keys(hints).length > 0 ? { ...endpoint, hints } : endpoint;
  };
  return groups.map(({ ports, endpoints }) => ({ ports, endpoints: endpoints.map(hinted) }));
}
