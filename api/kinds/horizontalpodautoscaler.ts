// HorizontalPodAutoscaler of autoscaling/v2, and of v1: stored as v2.
import { ageOf } from '../age.ts';
import type { FieldError } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { AnyObject } from '../object.ts';
import type {
  HorizontalPodAutoscaler as V1,
  HorizontalPodAutoscalerStatus as V1Status,
} from '../types/autoscaling.v1.ts';
import type {
  HorizontalPodAutoscaler as HPA,
  HPAScalingRules,
  MetricSpec,
  MetricStatus,
} from '../types/autoscaling.v2.ts';
import { nonNegative } from './checks.ts';
import { validateAutoscaler } from './horizontalpodautoscaler-validation.ts';

const cpuMetric = (averageUtilization: number): MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

export const horizontalPodAutoscaler: Rules<HPA> = {
  default({ spec }) {
    if (!spec) return;
    spec.minReplicas ??= 1;
    if (!spec.metrics?.length) spec.metrics = [cpuMetric(80)];
    if (!spec.behavior) return;
    spec.behavior.scaleUp = rulesWith(spec.behavior.scaleUp, 0, [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ]);
    spec.behavior.scaleDown = rulesWith(spec.behavior.scaleDown, undefined, [
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ]);
  },

  validate: ({ spec }) => (spec ? validateAutoscaler(spec) : []),

  validateUpdate: ({ status }, _old, subresource) => (subresource === 'status' ? validateStatus(status ?? {}) : []),

  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    `${spec?.scaleTargetRef.kind}/${spec?.scaleTargetRef.name}`,
    formatMetrics(spec?.metrics ?? [], status?.currentMetrics ?? []),
    spec?.minReplicas === undefined ? '<unset>' : String(spec.minReplicas),
    spec?.maxReplicas ?? 0,
    status?.currentReplicas ?? 0,
    ageOf(metadata.creationTimestamp, now),
  ],
};

/** Of both versions. */
function validateStatus({ currentReplicas, desiredReplicas }: Partial<V1Status>): FieldError[] {
  return [
    ...nonNegative(currentReplicas, 'status.currentReplicas'),
    ...nonNegative(desiredReplicas, 'status.desiredReplicas'),
  ];
}

function rulesWith(
  rules: HPAScalingRules | undefined,
  window: number | undefined,
  policies: NonNullable<HPAScalingRules['policies']>,
): HPAScalingRules {
  const stabilization = rules?.stabilizationWindowSeconds ?? window;
  return {
    ...rules,
    selectPolicy: rules?.selectPolicy ?? 'Max',
    policies: rules?.policies ?? policies,
    ...(stabilization !== undefined && { stabilizationWindowSeconds: stabilization }),
  };
}

function formatMetrics(specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  const shown = specs.map((spec, i) => {
    if (!spec.resource) return `<unknown>/<${spec.type}>`;
    const { target, name } = spec.resource;
    const current = statuses[i]?.resource?.current;
    if (target.averageValue !== undefined)
      return `${name}: ${current?.averageValue ?? '<unknown>'}/${target.averageValue}`;
    const used = current?.averageUtilization === undefined ? '<unknown>' : `${current.averageUtilization}%`;
    return `${name}: ${used}/${target.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`}`;
  });
  if (shown.length === 0) return '<none>';
  return shown.length > 2 ? `${shown.slice(0, 2).join(', ')} + ${shown.length - 2} more...` : shown.join(', ');
}

/** v1 knows one metric, the CPU's; the others of a stored object are not shown, and are kept only by v2 writes. */
export const horizontalPodAutoscalerV1: Rules<V1> = {
  default({ spec }) {
    if (!spec) return;
    spec.minReplicas ??= 1;
    spec.targetCPUUtilizationPercentage ??= 80;
  },

  validate: (object) => horizontalPodAutoscaler.validate!(toV2(object)),

  validateUpdate: ({ status }, _old, subresource) => (subresource === 'status' ? validateStatus(status ?? {}) : []),

  cells: (object, now) => horizontalPodAutoscaler.cells!(toV2(object), now),

  fromStored(stored) {
    const { spec, status, ...rest } = stored as unknown as HPA;
    const cpu = spec?.metrics?.find(({ resource }) => resource?.name === 'cpu' && resource.target.averageUtilization);
    const utilization = cpu?.resource?.target.averageUtilization;
    return {
      ...rest,
      apiVersion: 'autoscaling/v1',
      spec: {
        ...(spec?.minReplicas !== undefined && { minReplicas: spec.minReplicas }),
        maxReplicas: spec?.maxReplicas ?? 0,
        scaleTargetRef: spec?.scaleTargetRef ?? { kind: '', name: '' },
        ...(utilization !== undefined && { targetCPUUtilizationPercentage: utilization }),
      },
      status: {
        ...(status?.observedGeneration !== undefined && { observedGeneration: status.observedGeneration }),
        ...(status?.lastScaleTime !== undefined && { lastScaleTime: status.lastScaleTime }),
        currentReplicas: status?.currentReplicas ?? 0,
        desiredReplicas: status?.desiredReplicas ?? 0,
      },
    };
  },

  toStored: (object) => toV2(object) as unknown as AnyObject,
};

function toV2({ spec, status, ...rest }: V1): HPA {
  const { targetCPUUtilizationPercentage: utilization, ...shared } = spec ?? ({} as Partial<NonNullable<V1['spec']>>);
  const {
    currentCPUUtilizationPercentage: _used,
    currentReplicas,
    ...counts
  } = status ?? { currentReplicas: 0, desiredReplicas: 0 };
  return {
    ...rest,
    apiVersion: 'autoscaling/v2',
    spec: {
      ...(shared as NonNullable<V1['spec']>),
      ...(utilization !== undefined && { metrics: [cpuMetric(utilization)] }),
    },
    status: { ...counts, ...(currentReplicas && { currentReplicas }), currentMetrics: null as unknown as undefined },
  };
}
