// What a HorizontalPodAutoscaler may ask for: its target, what it measures and how it moves
// (k8s.io/kubernetes v1.36 pkg/apis/autoscaling/validation).
import { type FieldError, forbidden, invalid, notSupported, required } from '../field.ts';
import { parseQuantity } from '../quantity.ts';
import { dns1123LabelErrors, pathSegmentErrors } from '../selectors/syntax.ts';
import type {
  ContainerResourceMetricSource,
  CrossVersionObjectReference,
  ExternalMetricSource,
  HorizontalPodAutoscalerBehavior,
  HorizontalPodAutoscalerSpec,
  HPAScalingPolicy,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
  ObjectMetricSource,
  PodsMetricSource,
  ResourceMetricSource,
} from '../types/autoscaling.v2.ts';
import { NOT_NEGATIVE, named } from './checks.ts';
import { containerResourceName } from './resource-names.ts';
import { among, type Check, maybe, needed, structOf } from './rule-table.ts';

const MAX_WINDOW_SECONDS = 3600;
const MAX_PERIOD_SECONDS = 1800;

export function validateAutoscaler(spec: HorizontalPodAutoscalerSpec): FieldError[] {
  const { minReplicas: min, maxReplicas: max = 0, scaleTargetRef, metrics = [], behavior } = spec;
  const errors: FieldError[] = [];
  if (min !== undefined && min < 1) {
    errors.push(invalid('spec.minReplicas', min, 'must be greater than or equal to 1'));
  }
  if (max === 0) errors.push(required('spec.maxReplicas', 'must be set and greater than 0'));
  else if (max < 0) errors.push(invalid('spec.maxReplicas', max, 'must be greater than or equal to 1'));
  if (min !== undefined && max < min) {
    errors.push(invalid('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'));
  }
  errors.push(...scaleTarget(scaleTargetRef, 'spec.scaleTargetRef'));
  errors.push(...metrics.flatMap((metric, i) => validateMetric(metric, `spec.metrics[${i}]`)));
  if (min === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External')) {
    const why = 'must specify at least one Object or External metric to support scaling to zero replicas';
    errors.push(forbidden('spec.metrics', why));
  }
  return [...errors, ...maybe(validateBehavior)(behavior, 'spec.behavior')];
}

const segment: Check<string> = (text, field) => named(pathSegmentErrors, text, field);

/** What a metric is of may be of the core group, which has no name. */
function reference(ref: CrossVersionObjectReference | undefined, field: string): FieldError[] {
  const { kind, name, apiVersion = '' } = ref ?? {};
  const errors = [...needed(segment)(kind, `${field}.kind`), ...needed(segment)(name, `${field}.name`)];
  if (apiVersion.split('/').length > 2) {
    return [...errors, invalid(`${field}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
  }
  return errors;
}

/** Of what can be scaled, ReplicationController alone is of the core group. */
function scaleTarget(ref: CrossVersionObjectReference | undefined, field: string): FieldError[] {
  const { kind, apiVersion = '' } = ref ?? {};
  const errors = reference(ref, field);
  if (apiVersion.includes('/') || kind === 'ReplicationController') return errors;
  return [...errors, invalid(`${field}.apiVersion`, apiVersion, 'apiVersion must specify API group')];
}

const metricName = structOf<MetricIdentifier>({ name: needed(segment, 'must specify a metric name') });

const positive: Check<unknown> = (quantity, field) =>
  parseQuantity(String(quantity)).nanos > 0n ? [] : [invalid(field, quantity, 'must be positive')];

function target({ type, value, averageValue, averageUtilization }: MetricTarget, field: string): FieldError[] {
  const errors = type ? [] : [required(`${field}.type`, 'must specify a metric target type')];
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    errors.push(invalid(`${field}.type`, type ?? '', 'must be either Utilization, Value, or AverageValue'));
  }
  errors.push(...maybe(positive)(value, `${field}.value`), ...maybe(positive)(averageValue, `${field}.averageValue`));
  if (averageUtilization === undefined || averageUtilization >= 1) return errors;
  return [...errors, invalid(`${field}.averageUtilization`, averageUtilization, 'must be greater than 0')];
}

/** Of a resource: a share or an amount, and not both. */
function resourceTarget(of: MetricTarget, field: string): FieldError[] {
  const [share, amount] = [of.averageUtilization !== undefined, of.averageValue !== undefined];
  const errors = target(of, field);
  if (!share && !amount) {
    errors.push(required(`${field}.averageUtilization`, 'must set either a target raw value or a target utilization'));
  }
  if (!share || !amount) return errors;
  return [
    ...errors,
    forbidden(`${field}.averageValue`, 'may not set both a target raw value and a target utilization'),
  ];
}

function externalTarget(of: MetricTarget, field: string): FieldError[] {
  const [value, average] = [of.value !== undefined, of.averageValue !== undefined];
  const words = 'a target value for metric';
  const errors = target(of, field);
  if (!value && !average) {
    errors.push(required(`${field}.averageValue`, `must set either ${words} or a per-pod target`));
  }
  if (value && average) errors.push(forbidden(`${field}.value`, `may not set both ${words} and a per-pod target`));
  return errors;
}

function objectTarget(of: MetricTarget, field: string): FieldError[] {
  if (of.value !== undefined || of.averageValue !== undefined) return target(of, field);
  return [...target(of, field), required(`${field}.averageValue`, 'must set either a target value or averageValue')];
}

function podsTarget(of: MetricTarget, field: string): FieldError[] {
  if (of.averageValue !== undefined) return target(of, field);
  return [...target(of, field), required(`${field}.averageValue`, 'must specify a positive target averageValue')];
}

/** In upstream's order, of which the first is looked into. */
const SOURCES = {
  object: structOf<ObjectMetricSource>({ describedObject: reference, metric: metricName, target: objectTarget }),
  external: structOf<ExternalMetricSource>({ metric: metricName, target: externalTarget }),
  pods: structOf<PodsMetricSource>({ metric: metricName, target: podsTarget }),
  resource: structOf<ResourceMetricSource>({
    name: needed(undefined, 'must specify a resource name'),
    target: resourceTarget,
  }),
  containerResource: structOf<ContainerResourceMetricSource>({
    name: needed(containerResourceName, 'must specify a resource name'),
    container: needed((name, field) => named(dns1123LabelErrors, name, field), 'must specify a container'),
    target: resourceTarget,
  }),
} as const;

type SourceName = keyof typeof SOURCES;

const TYPES: Readonly<Record<string, SourceName>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};

function validateMetric(metric: MetricSpec, field: string): FieldError[] {
  const { type = '' } = metric;
  const given = (Object.keys(SOURCES) as SourceName[]).filter((name) => metric[name]);
  const unknown = notSupported(`${field}.type`, type, Object.keys(TYPES));
  const errors: FieldError[] = [];
  if (!type) errors.push(required(`${field}.type`, 'must specify a metric source type'));
  const expected = TYPES[type];
  if (!expected) errors.push(unknown);
  if (given.length > 0) errors.push(...SOURCES[given[0]](metric[given[0]] as never, `${field}.${given[0]}`));
  if (!expected) errors.push(unknown);
  else if (!metric[expected]) {
    errors.push(required(`${field}.${expected}`, 'must populate information for the given metric source'));
  }
  if (given.length === 1) return errors;
  const others = given.filter((name) => name !== expected);
  return [
    ...errors,
    ...others.map((name) => forbidden(`${field}.${name}`, 'must populate the given metric source only')),
  ];
}

const validateBehavior = structOf<HorizontalPodAutoscalerBehavior>({
  scaleUp: maybe(scalingRules),
  scaleDown: maybe(scalingRules),
});

function scalingRules(rules: HPAScalingRules, field: string): FieldError[] {
  const { stabilizationWindowSeconds: window, policies = [], selectPolicy, tolerance } = rules;
  const at = `${field}.stabilizationWindowSeconds`;
  const errors: FieldError[] = [];
  if (window !== undefined && window < 0) errors.push(invalid(at, window, 'must be greater than or equal to zero'));
  if (window !== undefined && window > MAX_WINDOW_SECONDS) {
    errors.push(invalid(at, window, `must be less than or equal to ${MAX_WINDOW_SECONDS}`));
  }
  errors.push(...maybe(among('Disabled', 'Max', 'Min'))(selectPolicy, `${field}.selectPolicy`));
  if (policies.length === 0) errors.push(required(`${field}.policies`, 'must specify at least one Policy'));
  errors.push(...policies.flatMap((policy, i) => scalingPolicy(policy, `${field}.policies[${i}]`)));
  if (tolerance === undefined || parseQuantity(String(tolerance)).nanos >= 0n) return errors;
  return [...errors, invalid(`${field}.tolerance`, tolerance, NOT_NEGATIVE)];
}

function scalingPolicy({ type, value = 0, periodSeconds: period = 0 }: HPAScalingPolicy, field: string): FieldError[] {
  const errors = among('Percent', 'Pods')(type ?? '', `${field}.type`);
  if (value <= 0) errors.push(invalid(`${field}.value`, value, 'must be greater than zero'));
  if (period <= 0) errors.push(invalid(`${field}.periodSeconds`, period, 'must be greater than zero'));
  if (period <= MAX_PERIOD_SECONDS) return errors;
  const why = `must be less than or equal to ${MAX_PERIOD_SECONDS}`;
  return [...errors, invalid(`${field}.periodSeconds`, period, why)];
}
