// Pod.
import { forbidden } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { Pod } from '../types/core.v1.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { podCells } from './pod/pod-cells.ts';
import { defaultPodSpec, defaultRequests } from './pod/pod-defaults.ts';
import { settleStatus, validatePodStatus } from './pod/pod-status.ts';
import { validateChange, validateEphemeral, validateResize } from './pod/pod-update.ts';
import { validatePodSpec } from './pod/pod-validation.ts';
import { qosClassOf } from './pod/qos.ts';
import { keepMetadata } from './status-update.ts';

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
    // A negative one asks for the shortest there is.
    if ((pod.spec!.terminationGracePeriodSeconds ?? 0) < 0) pod.spec!.terminationGracePeriodSeconds = 1;
    pod.status = { phase: 'Pending', qosClass: qosClassOf(pod.spec!) };
  },

  prepareForUpdate(pod, old, subresource) {
    // Whoever binds a pod does not change what was asked for.
    if (subresource !== 'binding') countGeneration(pod, old);
    if (subresource === 'status') {
      pod.status ??= {};
      pod.status.qosClass ??= old.status?.qosClass;
      settleStatus(pod.status);
      keepMetadata(pod, old, ['ownerReferences']);
    }
    if (subresource === 'ephemeralcontainers' || subresource === 'resize') keepMetadata(pod, old);
  },

  validate({ spec, metadata }, old) {
    const errors = validatePodSpec(spec!, metadata, 'spec');
    if (old || !spec?.ephemeralContainers?.length) return errors;
    return [...errors, forbidden('spec.ephemeralContainers', 'cannot be set on create')];
  },

  validateUpdate(pod, old, subresource) {
    if (subresource === '') return validateChange(pod.spec!, old.spec!);
    if (subresource === 'status') return validatePodStatus(pod, old);
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
