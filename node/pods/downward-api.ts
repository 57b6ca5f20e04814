// What a pod may be told of itself: its fields and its containers' resources (upstream pkg/fieldpath/fieldpath.go,
// pkg/api/v1/resource/helpers.go).
import { parseQuantity, type Quantity } from '../../api/quantity.ts';
import type { Container, Pod, ResourceFieldSelector } from '../../api/types/core.v1.ts';

/** Why a container cannot be made: shown as `CreateContainerConfigError`. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/** What only the agent knows of a pod. */
export interface PodFacts {
  /** One of each address family at most, the primary first. */
  readonly podIPs: readonly string[];
  readonly hostIPs: readonly string[];
  /** Of the node; what a container without limits may use. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/** Of `fieldRef`. Throws ConfigError on a field that is not offered. */
export function podField(pod: Pod, path: string, { podIPs, hostIPs }: PodFacts): string {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (subscript) return metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2]] ?? '';
  const fields: Record<string, string | undefined> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'metadata.labels': pairs(metadata.labels),
    'metadata.annotations': pairs(metadata.annotations),
    'spec.nodeName': spec?.nodeName,
    'spec.serviceAccountName': spec?.serviceAccountName ?? 'default',
    'status.hostIP': hostIPs[0],
    'status.hostIPs': hostIPs.join(),
    'status.podIP': podIPs[0],
    'status.podIPs': podIPs.join(),
  };
  if (!Object.hasOwn(fields, path)) throw new ConfigError(`unsupported fieldPath: ${path}`);
  return fields[path] ?? '';
}

/** Sorted `key="value"` lines, quoted as Go does. */
function pairs(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');
}

/** Of `resourceFieldRef`, in units of its divisor, rounded up. `own` is the container whose variable it is. */
export function resourceField(
  pod: Pod,
  { containerName, resource, divisor = '1' }: ResourceFieldSelector,
  own: Container | undefined,
  { allocatable }: PodFacts,
): string {
  const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const container = containerName ? all.find(({ name }) => name === containerName) : own;
  if (!container) throw new ConfigError(`container ${containerName ?? ''} not found`);
  const [, kind, name] = /^(limits|requests)\.(.+)$/.exec(resource) ?? [];
  if (!name) throw new ConfigError(`unsupported container resource : ${resource}`);
  const { limits, requests } = container.resources ?? {};
  const amount = kind === 'limits' ? (limits?.[name] ?? allocatable[name]) : (requests?.[name] ?? limits?.[name]);
  return inUnitsOf(parseQuantity(`${amount ?? 0}`), parseQuantity(`${divisor}` === '0' ? '1' : `${divisor}`));
}

function inUnitsOf(amount: Quantity, unit: Quantity): string {
  return `${(amount.nanos + unit.nanos - 1n) / unit.nanos}`;
}
