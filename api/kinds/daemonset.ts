// DaemonSet of apps/v1.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, notSupported, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import type { DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy } from '../types/apps.v1.ts';
import { atMostAll, immutable, intOrPercent, isEmptySelector, isZero, labelSelector, nonNegative } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { defaultPodSpec } from './pod/pod-defaults.ts';
import { validatePodTemplate } from './pod/pod-validation.ts';
import { isReadable, validateForever, validateSelected } from './workload.ts';
import { workloadCells } from './workload-cells.ts';

/** How often the template changed; kept for clients of versions long gone. */
const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

export const daemonSet: Rules<DaemonSet> = {
  default({ metadata, spec }) {
    // Shown for any object, and so its writer's own; what a client says of it is not heard.
    metadata.annotations = { ...metadata.annotations };
    metadata.annotations[TEMPLATE_GENERATION] ??= '0';
    if (!spec) return;
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ??= 'RollingUpdate';
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    if (spec.template?.spec) defaultPodSpec(spec.template.spec);
  },

  prepareForCreate(object) {
    startGeneration(object);
    setTemplateGeneration(object, 1);
  },

  prepareForUpdate(object, old) {
    countGeneration(object, old);
    const before = Number(old.metadata.annotations?.[TEMPLATE_GENERATION] ?? 0);
    setTemplateGeneration(object, isEqual(object.spec?.template, old.spec?.template) ? before : before + 1);
  },

  validate({ spec, status }) {
    if (!spec) return [];
    return [
      ...COUNTS.flatMap((count) => nonNegative(status?.[count], `status.${count}`)),
      ...validateSelection(spec),
      ...validatePodTemplate(spec.template ?? {}, 'spec.template'),
      ...validateForever(spec.template, 'DaemonSet', 'spec.template'),
      ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
      ...validateStrategy(spec.updateStrategy ?? {}),
      ...nonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
    ];
  },

  validateUpdate: (object, old, subresource) =>
    subresource === '' ? immutable(object.spec?.selector, old.spec?.selector, 'spec.selector') : [],

  cells({ metadata, spec, status }, now) {
    const nodes = Object.entries(spec?.template?.spec?.nodeSelector ?? {}).map(([key, value]) => `${key}=${value}`);
    return [
      metadata.name,
      status?.desiredNumberScheduled ?? 0,
      status?.currentNumberScheduled ?? 0,
      status?.numberReady ?? 0,
      status?.updatedNumberScheduled ?? 0,
      status?.numberAvailable ?? 0,
      nodes.sort().join(',') || '<none>',
      ageOf(metadata.creationTimestamp, now),
      ...workloadCells(spec?.template?.spec, spec?.selector),
    ];
  },
};

const COUNTS = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
] as const;

function setTemplateGeneration({ metadata }: DaemonSet, generation: number): void {
  metadata.annotations = { ...metadata.annotations, [TEMPLATE_GENERATION]: String(generation) };
}

function validateSelection({ selector, template }: DaemonSetSpec): FieldError[] {
  const errors = labelSelector(selector, 'spec.selector');
  if (isReadable(selector)) {
    errors.push(...validateSelected(template?.metadata?.labels, selector, 'spec.template'));
  }
  if (!selector || !isEmptySelector(selector)) return errors;
  return [...errors, invalid('spec.selector', selector, 'empty selector is invalid for daemonset')];
}

function validateStrategy({ type, rollingUpdate }: DaemonSetUpdateStrategy): FieldError[] {
  const field = 'spec.updateStrategy';
  if (type === 'OnDelete') return [];
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {};
  if (type !== 'RollingUpdate') {
    const quoted = {
      Type: type,
      RollingUpdate: rollingUpdate ? { MaxUnavailable: maxUnavailable, MaxSurge: maxSurge } : null,
    };
    return [notSupported(field, quoted, ['RollingUpdate', 'OnDelete'])];
  }
  const at = `${field}.rollingUpdate`;
  const errors = [
    ...intOrPercent(maxUnavailable, `${at}.maxUnavailable`),
    ...intOrPercent(maxSurge, `${at}.maxSurge`),
    ...atMostAll(maxUnavailable, `${at}.maxUnavailable`),
    ...atMostAll(maxSurge, `${at}.maxSurge`),
  ];
  const [unavailable, surge] = [isZero(maxUnavailable), isZero(maxSurge)];
  if (!unavailable && !surge) {
    errors.push(invalid(`${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  }
  if (unavailable && surge) {
    errors.push(required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  }
  return errors;
}
