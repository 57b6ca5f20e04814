// APIService of apiregistration.k8s.io/v1: which server serves a group's version. Nothing is passed on to another one yet.
import { ageOf } from '../age.ts';
import type { Rules } from '../kind.ts';
import type { APIService } from '../types/apiregistration.v1.ts';

export const apiService: Rules<APIService> = {
  cells({ metadata, spec, status }, now) {
    const service = spec?.service;
    const available = status?.conditions?.find(({ type }) => type === 'Available');
    const isAvailable = available?.status === 'True';
    return [
      metadata.name,
      service ? `${service.namespace}/${service.name}` : 'Local',
      available ? `${available.status}${isAvailable ? '' : ` (${available.reason})`}` : 'Unknown',
      ageOf(metadata.creationTimestamp, now),
    ];
  },
};
