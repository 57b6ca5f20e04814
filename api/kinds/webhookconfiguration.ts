// MutatingWebhookConfiguration and ValidatingWebhookConfiguration of admissionregistration.k8s.io/v1.
import { ageOf } from '../age.ts';
import type { Rules } from '../kind.ts';
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from '../types/admissionregistration.v1.ts';
import { defaultRule } from './admission-rules.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { validateWebhooks } from './webhook-validation.ts';

type Configuration = MutatingWebhookConfiguration | ValidatingWebhookConfiguration;

const webhookConfiguration: Rules<Configuration> = {
  conditionalUpdateOnly: true,

  default(object) {
    for (const webhook of object.webhooks ?? []) {
      webhook.failurePolicy ??= 'Fail';
      webhook.matchPolicy ??= 'Equivalent';
      webhook.namespaceSelector ??= {};
      webhook.objectSelector ??= {};
      webhook.timeoutSeconds ??= 10;
      if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443;
      for (const rule of webhook.rules ?? []) defaultRule(rule);
      if (isMutating(object)) (webhook as MutatingWebhook).reinvocationPolicy ??= 'Never';
    }
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old, ['webhooks']);
  },

  validate: ({ webhooks = [] }, old) => validateWebhooks(webhooks, old && (old.webhooks ?? [])),

  cells: ({ metadata, webhooks = [] }, now) => [metadata.name, webhooks.length, ageOf(metadata.creationTimestamp, now)],
};

export const mutatingWebhookConfiguration = webhookConfiguration as Rules<MutatingWebhookConfiguration>;
export const validatingWebhookConfiguration = webhookConfiguration as Rules<ValidatingWebhookConfiguration>;

function isMutating(object: Configuration): boolean {
  return object.kind === 'MutatingWebhookConfiguration';
}
