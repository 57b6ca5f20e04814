// What a ReplicaSet and a ReplicationController say of their pods (k8s.io/kubernetes v1.36 pkg/apis/apps/validation).
import { type FieldError, invalid } from '../field.ts';
import type { ReplicaSetStatus } from '../types/apps.v1.ts';
import type { ReplicationControllerStatus } from '../types/core.v1.ts';
import { nonNegative } from './checks.ts';

export function validateReplicaStatus(status: ReplicaSetStatus | ReplicationControllerStatus): FieldError[] {
  const { replicas = 0, fullyLabeledReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  const errors = nonNegative(status.observedGeneration, 'status.observedGeneration');
  if ('terminatingReplicas' in status) {
    errors.push(...nonNegative(status.terminatingReplicas, 'status.terminatingReplicas'));
  }
  for (const [name, count] of Object.entries({ replicas, fullyLabeledReplicas, readyReplicas, availableReplicas })) {
    errors.push(...nonNegative(count, `status.${name}`));
    if (count > replicas) errors.push(invalid(`status.${name}`, count, 'cannot be greater than status.replicas'));
  }
  if (availableReplicas > readyReplicas) {
    errors.push(invalid('status.availableReplicas', availableReplicas, 'cannot be greater than readyReplicas'));
  }
  return errors;
}
