// What an update may change of a pod, and of its containers (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { type FieldError, forbidden, invalid, required } from '../../field.ts';
import { copyOf, isEqual } from '../../object.ts';
import type { Container, PodSpec } from '../../types/core.v1.ts';
import { trimmedImage } from './container-validation.ts';
import { qosClassOf } from './qos.ts';
import { validateTolerations } from './tolerations.ts';

const IMMUTABLE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

export function validateChange(spec: PodSpec, old: PodSpec): FieldError[] {
  const errors = [...validateImages(spec, old, 'containers')];
  if (isOfOtherLength(spec.containers, old.containers)) return errors;
  errors.push(...validateImages(spec, old, 'initContainers'));
  if (isOfOtherLength(spec.initContainers, old.initContainers)) return errors;
  const late = validateDeadline(spec.activeDeadlineSeconds, old.activeDeadlineSeconds);
  errors.push(...late);
  if (late.length > 0 && spec.activeDeadlineSeconds !== undefined) return errors;
  errors.push(...validateAdded(spec.tolerations ?? [], old.tolerations ?? []), ...validateGates(spec, old));
  return isEqual(withAllowed(spec, old), old) ? errors : [...errors, forbidden('spec', IMMUTABLE)];
}

type ContainerList = 'containers' | 'initContainers';

const isOfOtherLength = (a: readonly unknown[] | null = [], b: readonly unknown[] | null = []): boolean =>
  (a?.length ?? 0) !== (b?.length ?? 0);

function validateImages(spec: PodSpec, old: PodSpec, list: ContainerList): FieldError[] {
  const field = `spec.${list}`;
  if (isOfOtherLength(spec[list], old[list])) return [forbidden(field, 'pod updates may not add or remove containers')];
  return (spec[list] ?? []).flatMap((container, i) => [
    ...(container.image ? [] : [required(`${field}[${i}].image`)]),
    ...trimmedImage(container, `${field}[${i}]`),
  ]);
}

/** What holds a pod back can only go away. */
function validateGates({ schedulingGates = [] }: PodSpec, old: PodSpec): FieldError[] {
  return schedulingGates.flatMap(({ name = '' }, i) => {
    if (old.schedulingGates?.some((gate) => gate.name === name)) return [];
    const why = `only deletion is allowed, but found new scheduling gate '${name}'`;
    return [forbidden(`spec.schedulingGates[${i}].name`, why)];
  });
}

type Toleration = NonNullable<PodSpec['tolerations']>[number];

/** Those that were there stay, but for their seconds; upstream checks all of them once more. */
function validateAdded(tolerations: readonly Toleration[], old: readonly Toleration[]): FieldError[] {
  const field = 'spec.tolerations';
  const areThere = old.every((one) => tolerations.some((other) => isSameToleration(one, other)));
  if (areThere) return validateTolerations(tolerations, field);
  return [forbidden(field, 'existing toleration can not be modified except its tolerationSeconds')];
}

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
export function validateEphemeral(spec: PodSpec, old: PodSpec): FieldError[] {
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

export function validateResize(spec: PodSpec, old: PodSpec): FieldError[] {
  const before = qosClassOf(old);
  if (qosClassOf(spec) === before) return [];
  return [invalid('spec', before, 'Pod QOS Class may not change as a result of resizing')];
}

function validateDeadline(deadline: number | undefined, old: number | undefined): FieldError[] {
  const field = 'spec.activeDeadlineSeconds';
  if (deadline === undefined) {
    return old === undefined ? [] : [invalid(field, null, 'must not update from a positive integer to nil value')];
  }
  if (deadline < 0 || deadline > 2147483647) {
    return [invalid(field, deadline, 'must be between 0 and 2147483647, inclusive')];
  }
  if (old === undefined || deadline <= old) return [];
  return [invalid(field, deadline, 'must be less than or equal to previous value')];
}
