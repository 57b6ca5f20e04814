// Pod.
import { type FieldError, forbidden, invalid } from '../field.ts';
import type { Rules } from '../kind.ts';
import { copyOf, isEqual } from '../object.ts';
import type { Container, Pod, PodSpec } from '../types/core.v1.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { podCells } from './pod-cells.ts';
import { defaultPodSpec, defaultRequests } from './pod-defaults.ts';
import { validatePodSpec } from './pod-validation.ts';
import { qosClassOf } from './qos.ts';

export const pod: Rules<Pod> = {
  deleteAnswersObject: true,
  /** Nothing runs yet, or any more: nothing needs time to stop. */
  gracePeriodSeconds({ spec, status }) {
    if (!spec?.nodeName || status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0;
    return spec.terminationGracePeriodSeconds ?? 30;
  },

  default(pod) {
    if (!pod.spec) return;
    defaultRequests(pod.spec);
    defaultPodSpec(pod.spec);
    pod.spec.enableServiceLinks ??= true;
  },

  prepareForCreate(pod) {
    startGeneration(pod);
    pod.status = { phase: 'Pending', qosClass: qosClassOf(pod.spec!) };
  },

  prepareForUpdate(pod, old, subresource) {
    // Whoever binds a pod does not change what was asked for.
    if (subresource !== 'binding') countGeneration(pod, old);
    if (subresource === 'status') {
      pod.status ??= {};
      pod.status.qosClass ??= old.status?.qosClass;
    }
  },

  validate: (pod) => validatePodSpec(pod.spec!, 'spec'),

  validateUpdate(pod, old, subresource) {
    if (subresource === '') return validateChange(pod.spec!, old.spec!);
    if (subresource === 'ephemeralcontainers') return validateEphemeral(pod.spec!, old.spec!);
    return subresource === 'resize' ? validateResize(pod.spec!, old.spec!) : [];
  },

  fields: ({ spec, status }) => ({
    'spec.nodeName': spec?.nodeName ?? '',
    'spec.restartPolicy': spec?.restartPolicy ?? '',
    'spec.schedulerName': spec?.schedulerName ?? '',
    'spec.serviceAccountName': spec?.serviceAccountName ?? '',
    'spec.hostNetwork': String(spec?.hostNetwork ?? false),
    'status.phase': status?.phase ?? '',
    'status.podIP': status?.podIP ?? '',
    'status.podIPs': status?.podIPs?.[0]?.ip ?? '',
    'status.nominatedNodeName': status?.nominatedNodeName ?? '',
  }),

  cells: podCells,
};

const IMMUTABLE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

function validateChange(spec: PodSpec, old: PodSpec): FieldError[] {
  const errors = validateDeadline(spec.activeDeadlineSeconds, old.activeDeadlineSeconds);
  if (errors.length > 0) return errors;
  const kept = old.tolerations ?? [];
  if (kept.some((one) => !spec.tolerations?.some((other) => isSameToleration(one, other)))) {
    return [forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
  }
  return isEqual(withAllowed(spec, old), old) ? [] : [forbidden('spec', IMMUTABLE)];
}

type Toleration = NonNullable<PodSpec['tolerations']>[number];

function isSameToleration(a: Toleration, b: Toleration): boolean {
  return a.key === b.key && a.operator === b.operator && a.value === b.value && a.effect === b.effect;
}

/** The new spec with what may change taken back to the old. */
function withAllowed(spec: PodSpec, old: PodSpec): PodSpec {
  const plain = copyOf(spec);
  takeBackImages(plain.containers, old.containers);
  takeBackImages(plain.initContainers, old.initContainers);
  for (const field of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates'] as const) {
    if (old[field] === undefined) delete plain[field];
    else Object.assign(plain, { [field]: old[field] });
  }
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && plain.terminationGracePeriodSeconds === 1) {
    plain.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds;
  }
  return plain;
}

function takeBackImages(containers: Container[] | undefined, old: Container[] | undefined): void {
  for (const [i, container] of (containers ?? []).entries()) if (old?.[i]) container.image = old[i].image;
}

/** Debugging containers come, and stay as they came. */
function validateEphemeral(spec: PodSpec, old: PodSpec): FieldError[] {
  const field = 'spec.ephemeralContainers';
  const fresh = spec.ephemeralContainers ?? [];
  return (old.ephemeralContainers ?? []).flatMap((container) => {
    const same = fresh.find(({ name }) => name === container.name);
    if (!same)
      return [forbidden(field, `existing ephemeral containers ${JSON.stringify(container.name)} may not be removed`)];
    if (isEqual(same, container)) return [];
    return [forbidden(field, `existing ephemeral containers ${JSON.stringify(container.name)} may not be changed`)];
  });
}

function validateResize(spec: PodSpec, old: PodSpec): FieldError[] {
  const before = qosClassOf(old);
  if (qosClassOf(spec) === before) return [];
  return [invalid('spec', before, 'Pod QOS Class may not change as a result of resizing')];
}

function validateDeadline(deadline: number | undefined, old: number | undefined): FieldError[] {
  const field = 'spec.activeDeadlineSeconds';
  if (old === undefined || deadline === old) return [];
  if (deadline === undefined) return [invalid(field, null, 'must not update from a positive integer to nil value')];
  return deadline < old ? [] : [invalid(field, deadline, 'must be less than or equal to previous value')];
}
