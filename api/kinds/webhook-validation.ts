// What a webhook of admission must say (k8s.io/kubernetes v1.36 pkg/apis/admissionregistration/validation and
// k8s.io/apiserver v0.36 pkg/util/webhook). What an old object was allowed, its update is too.
import { duplicate, type FieldError, invalid, required } from '../field.ts';
import { isEqual } from '../object.ts';
import { dns1035LabelErrors, dns1123SubdomainErrors, portNumberErrors } from '../selectors/syntax.ts';
import type {
  MutatingWebhook,
  ServiceReference,
  ValidatingWebhook,
  WebhookClientConfig,
} from '../types/admissionregistration.v1.ts';
import { matchConditions } from './admission-expressions.ts';
import { ruleWithOperations } from './admission-rules.ts';
import { labelSelector, named } from './checks.ts';
import { among, type Check, each, maybe, structOf } from './rule-table.ts';

type Webhook = MutatingWebhook | ValidatingWebhook;

/** Versions of AdmissionReview that an API server speaks. */
const REVIEWS = ['v1', 'v1beta1'];
const HARMLESS = ['None', 'NoneOnDryRun'];
const SIDE_EFFECTS = [...HARMLESS, 'Some', 'Unknown'];
const FORM = '; desired format: https://host[/path]';

interface Demands {
  readonly sideEffects: readonly string[];
  readonly knownReview: boolean;
  readonly uniqueNames: boolean;
  readonly conditions: boolean;
}

function demandsOn(webhooks: readonly Webhook[], old: readonly Webhook[] | undefined): Demands {
  const isAll = (test: (webhook: Webhook) => boolean): boolean => !old || old.every(test);
  const isHarmless = isAll(({ sideEffects = '' }) => HARMLESS.includes(sideEffects));
  const conditionsOf = (list: readonly Webhook[]): unknown[] => list.map((one) => one.matchConditions ?? []);
  return {
    sideEffects: isHarmless ? HARMLESS : SIDE_EFFECTS,
    knownReview: isAll(({ admissionReviewVersions: versions = [] }) => versions.length === 0 || hasKnown(versions)),
    uniqueNames: !old || new Set(old.map(({ name }) => name)).size === old.length,
    conditions: !old || !isEqual(conditionsOf(webhooks), conditionsOf(old)),
  };
}

const hasKnown = (versions: readonly string[]): boolean => versions.some((version) => REVIEWS.includes(version));

export function validateWebhooks(webhooks: readonly Webhook[], old: readonly Webhook[] | undefined): FieldError[] {
  const demands = demandsOn(webhooks, old);
  return webhooks.flatMap((webhook, i) => {
    const field = `webhooks[${i}]`;
    const errors = validateWebhook(webhook, field, demands);
    errors.push(...validateReviews(webhook.admissionReviewVersions ?? [], `${field}.admissionReviewVersions`, demands));
    const isRepeated = webhook.name && webhooks.findIndex(({ name }) => name === webhook.name) < i;
    return demands.uniqueNames && isRepeated ? [...errors, duplicate(`${field}.name`, webhook.name)] : errors;
  });
}

const BODY = structOf<MutatingWebhook>({
  name: fullyQualifiedName,
  rules: each(ruleWithOperations),
  failurePolicy: maybe<string>(among('Fail', 'Ignore')),
  matchPolicy: maybe<string>(among('Equivalent', 'Exact')),
});
const TAIL = structOf<MutatingWebhook>({
  timeoutSeconds: maybe((seconds, field) =>
    seconds < 1 || seconds > 30 ? [invalid(field, seconds, 'the timeout value must be between 1 and 30 seconds')] : [],
  ),
  namespaceSelector: maybe(labelSelector),
  objectSelector: maybe(labelSelector),
  reinvocationPolicy: maybe<string>(among('IfNeeded', 'Never')),
  clientConfig,
});

function validateWebhook(webhook: Webhook, field: string, demands: Demands): FieldError[] {
  const { sideEffects: effects, matchConditions: conditions = [] } = webhook;
  const at = `${field}.sideEffects`;
  return [
    ...BODY(webhook as MutatingWebhook, field),
    ...(effects === undefined ? [required(at, `must specify one of ${demands.sideEffects.join(', ')}`)] : []),
    ...maybe(among(...demands.sideEffects))(effects, at),
    ...TAIL(webhook as MutatingWebhook, field),
    ...(demands.conditions ? matchConditions(conditions, `${field}.matchConditions`, {}) : []),
  ];
}

function fullyQualifiedName(name: string | undefined, field: string): FieldError[] {
  if (!name) return [required(field)];
  const errors = dns1123SubdomainErrors(name);
  if (errors.length > 0) return [invalid(field, name, errors.join(','))];
  if (name.split('.').length >= 3) return [];
  return [invalid(field, name, 'should be a domain with at least three segments separated by dots')];
}

function validateReviews(versions: readonly string[], field: string, { knownReview }: Demands): FieldError[] {
  if (versions.length === 0) return [required(field, `must specify one of ${REVIEWS.join(', ')}`)];
  const errors = versions.flatMap((version, i) => {
    if (versions.indexOf(version) < i) return [invalid(`${field}[${i}]`, version, 'duplicate version')];
    return named(dns1035LabelErrors, version, `${field}[${i}]`);
  });
  if (!knownReview || hasKnown(versions)) return errors;
  return [...errors, invalid(field, versions, `must include at least one of ${REVIEWS.join(', ')}`)];
}

function clientConfig(config: WebhookClientConfig | undefined, field: string): FieldError[] {
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined)) {
    return [required(field, 'exactly one of url or service is required')];
  }
  return service ? validateService(service, `${field}.service`) : validateUrl(url!, `${field}.url`);
}

function validateUrl(text: string, field: string): FieldError[] {
  const parts = /^(?:([A-Za-z][-+.\w]*):)?(?:\/\/(?:([^/?#]*)@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/.exec(
    text,
  );
  if (!parts || /[\u0000-\u0020\u007f]/.test(parts[3] ?? '')) {
    return [required(field, `url must be a valid URL: parse ${JSON.stringify(text)}: invalid${FORM}`)];
  }
  const [, scheme = '', user, host = '', , query, fragment] = parts;
  const errors: FieldError[] = [];
  if (scheme !== 'https') errors.push(invalid(field, scheme, `'https' is the only allowed URL scheme${FORM}`));
  if (!host) errors.push(invalid(field, host, `host must be specified${FORM}`));
  if (user !== undefined) errors.push(invalid(field, user, 'user information is not permitted in the URL'));
  if (fragment) errors.push(invalid(field, fragment, 'fragments are not permitted in the URL'));
  if (query) errors.push(invalid(field, query, 'query parameters are not permitted in the URL'));
  return errors;
}

/** Upstream takes the name for the namespace and the other way round, so either is missed under the other's field. */
function validateService({ name, namespace, path, port = 443 }: ServiceReference, field: string): FieldError[] {
  const wrong = portNumberErrors(port);
  return [
    ...(namespace ? [] : [required(`${field}.name`)]),
    ...(name ? [] : [required(`${field}.namespace`)]),
    ...(wrong.length > 0 ? [invalid(`${field}.port`, port, `port is not valid: ${wrong.join(', ')}`)] : []),
    ...maybe(validatePath)(path, `${field}.path`),
  ];
}

const validatePath: Check<string> = (path, field) => {
  if (path === '' || path === '/') return [];
  if (path === '//') return [invalid(field, path, 'segment[0] may not be empty')];
  const steps = path.slice(1).replace(/\/$/, '').split('/');
  return [
    ...(path.startsWith('/') ? [] : [invalid(field, path, "must start with a '/'")]),
    ...steps.flatMap((step, i) => {
      if (!step) return [invalid(field, path, `segment[${i}] may not be empty`)];
      return dns1123SubdomainErrors(step).map((error) => invalid(field, path, `segment[${i}]: ${error}`));
    }),
  ];
};
