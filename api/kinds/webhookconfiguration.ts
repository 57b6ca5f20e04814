// MutatingWebhookConfiguration and ValidatingWebhookConfiguration of admissionregistration.k8s.io/v1.
import { ageOf } from '../age.ts';
import type { Rules } from '../kind.ts';
import type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from '../types/admissionregistration.v1.ts';
import { countGeneration, startGeneration } from './generation.ts';

export const webhookConfiguration: Rules<MutatingWebhookConfiguration | ValidatingWebhookConfiguration> = {
  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old, ['webhooks']);
  },

  cells: ({ metadata, webhooks = [] }, now) => [metadata.name, webhooks.length, ageOf(metadata.creationTimestamp, now)],
};
