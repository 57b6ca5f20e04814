// A pod's quality-of-service class, from what its containers ask for and are limited to.
import { parseQuantity } from '../../quantity.ts';
import type { PodSpec, ResourceRequirements } from '../../types/core.v1.ts';

type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';
const COUNTED = ['cpu', 'memory'];

export function qosClassOf(spec: PodSpec): QosClass {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  // What the pod says of itself as a whole decides alone.
  const resources = spec.resources ? [spec.resources] : containers.map((container) => container.resources ?? {});
  if (resources.every((one) => !asksFor(one))) return 'BestEffort';
  return resources.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

function asksFor({ requests = {}, limits = {} }: ResourceRequirements): boolean {
  return COUNTED.some((name) => isPositive(requests[name]) || isPositive(limits[name]));
}

function isPositive(quantity: unknown): boolean {
  return quantity !== undefined && parseQuantity(String(quantity)).nanos > 0n;
}

function isGuaranteed({ requests = {}, limits = {} }: ResourceRequirements): boolean {
  return COUNTED.every(
    (name) =>
      isPositive(limits[name]) &&
      (requests[name] === undefined ||
        parseQuantity(String(requests[name])).compare(parseQuantity(String(limits[name]))) === 0),
  );
}
