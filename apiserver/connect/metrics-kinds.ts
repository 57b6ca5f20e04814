// The kinds of metrics.k8s.io: what pods and nodes use now. They are asked of the nodes, never stored
// (sigs.k8s.io/metrics-server v0.8 pkg/api).
import type { Column, Kind, Verb } from '../../api/kind.ts';
import type { AnyObject } from '../../api/object.ts';
import { parseQuantity } from '../../api/quantity.ts';

export const METRICS_GROUP = 'metrics.k8s.io';

/** Quantities. */
export interface Usage {
  readonly cpu: string;
  readonly memory: string;
}

export interface NodeMetrics extends AnyObject {
  timestamp: string;
  window: string;
  usage: Usage;
}

export interface PodMetrics extends AnyObject {
  timestamp: string;
  window: string;
  containers: { name: string; usage: Usage }[];
}

const QUANTITIES = ['cpu', 'memory'] as const;
const COLUMNS: readonly Column[] = [
  { name: 'Name', type: 'string', format: 'name', priority: 0 },
  ...QUANTITIES.map((name) => ({ name, type: 'string', format: 'quantity', priority: 0 })),
  { name: 'Window', type: 'string', format: 'duration', priority: 0 },
];

interface Names {
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** `parts`: of what an object's usage is the sum. */
function metricsKind({ kind, plural, namespaced }: Names, parts: (object: AnyObject) => readonly Usage[]): Kind {
  const sum = (usages: readonly Usage[], name: 'cpu' | 'memory'): string =>
    `${usages.map((usage) => parseQuantity(usage[name])).reduce((all, one) => all.add(one))}`;
  return {
    group: METRICS_GROUP,
    version: 'v1beta1',
    kind,
    plural,
    singular: '',
    namespaced,
    shortNames: [],
    categories: [],
    verbs: new Set<Verb>(['get', 'list']),
    subresources: new Map(),
    schema: { type: 'object' },
    storage: `${METRICS_GROUP}/${plural}`,
    selectableFields: ['metadata.name', ...(namespaced ? ['metadata.namespace'] : [])],
    columns: COLUMNS,
    rules: {
      cells(object) {
        const usages = parts(object);
        return [object.metadata.name, ...QUANTITIES.map((name) => sum(usages, name)), object.window];
      },
    },
  };
}

export const METRICS_KINDS: readonly Kind[] = [
  metricsKind({ kind: 'NodeMetrics', plural: 'nodes', namespaced: false }, (object) => [(object as NodeMetrics).usage]),
  metricsKind({ kind: 'PodMetrics', plural: 'pods', namespaced: true }, (object) =>
    (object as PodMetrics).containers.map(({ usage }) => usage),
  ),
];
