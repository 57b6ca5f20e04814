// Service. Which families, addresses and ports a service gets is the allocators' to say; the rest of its rules are here.
import type { Rules } from '../kind.ts';
import type { Service, ServiceSpec } from '../types/core.v1.ts';
import { serviceCells } from './service-cells.ts';
import { defaultService, dropTypeDependent, keepAllocated } from './service-changes.ts';
import { alignAddresses } from './service-families.ts';
import { validateService, validateServiceUpdate } from './service-validation.ts';

export const service: Rules<Service> = {
  createOnUpdate: true,
  deleteAnswersObject: true,

  default: defaultService,

  prepareForCreate: (object) => alignAddresses(object),

  prepareForUpdate(object, old, subresource) {
    if (subresource !== '') return;
    alignAddresses(object, old);
    keepAllocated(object, old);
    dropTypeDependent(object, old);
    if (object.spec?.type !== 'LoadBalancer') object.status = { ...object.status, loadBalancer: {} };
  },

  validate: validateService,

  validateUpdate: validateServiceUpdate,

  warnings: ({ spec = {} }) => warningsOf(spec),

  fields: ({ spec }) => ({ 'spec.clusterIP': spec?.clusterIP ?? '', 'spec.type': spec?.type ?? '' }),

  cells: serviceCells,
};

/** In upstream's order and words (pkg/api/service/warnings.go). */
function warningsOf(spec: ServiceSpec): string[] {
  const headless = spec.type === 'ClusterIP' && spec.clusterIP === 'None';
  const external = spec.type === 'ExternalName';
  const externalIPs = Boolean(spec.externalIPs?.length);
  const said: Array<string | false> = [
    headless && Boolean(spec.loadBalancerIP) && 'spec.loadBalancerIP is ignored for headless services',
    headless && externalIPs && 'spec.externalIPs is ignored for headless services',
    headless && spec.sessionAffinity !== 'None' && 'spec.SessionAffinity is ignored for headless services',
    externalIPs &&
      !headless &&
      !external &&
      'spec.externalIPs is deprecated and may no longer be implemented in some clusters',
    external && externalIPs && 'spec.externalIPs is ignored when spec.type is "ExternalName"',
    !external && Boolean(spec.externalName) && 'spec.externalName is ignored when spec.type is not "ExternalName"',
    spec.trafficDistribution === 'PreferClose' &&
      'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
  ];
  return said.filter((warning) => warning !== false);
}
