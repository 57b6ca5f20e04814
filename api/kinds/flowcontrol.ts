// FlowSchema and PriorityLevelConfiguration of flowcontrol.apiserver.k8s.io/v1: which requests wait for which
// (k8s.io/kubernetes v1.36 pkg/apis/flowcontrol).
import { ageOf } from '../age.ts';
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { dns1123LabelErrors, dns1123SubdomainErrors } from '../selectors/syntax.ts';
import type {
  ExemptPriorityLevelConfiguration,
  FlowSchema,
  FlowSchemaSpec,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
  ResourcePolicyRule,
  Subject,
} from '../types/flowcontrol.v1.ts';
import { named } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { among, type Check, each, maybe, needed } from './rule-table.ts';
import { keepMetadata } from './status-update.ts';

const MAX_PRECEDENCE = 10000;
const MAX_QUEUES = 10_000_000;
/** What shuffle sharding may draw from one hash. */
const MAX_BITS = 60;
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];

export const flowSchema: Rules<FlowSchema> = {
  default({ spec }) {
    if (!spec) return;
    spec.matchingPrecedence ||= 1000;
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old, subresource) {
    if (subresource === 'status') keepMetadata(object, old);
    countGeneration(object, old);
  },

  validate: ({ metadata, spec, status }) => [
    ...(spec ? validateSchema(spec, metadata.name) : []),
    ...validateConditions(status?.conditions ?? []),
  ],

  cells({ metadata, spec, status }, now) {
    const dangling = status?.conditions?.find(({ type }) => type === 'Dangling');
    return [
      metadata.name,
      spec?.priorityLevelConfiguration.name ?? '',
      spec?.matchingPrecedence ?? 0,
      spec?.distinguisherMethod?.type ?? '<none>',
      ageOf(metadata.creationTimestamp, now),
      dangling?.status ?? '?',
    ];
  },

  rowOrder: (a, b) => (a.spec?.matchingPrecedence ?? 0) - (b.spec?.matchingPrecedence ?? 0),
};

function validateSchema(spec: FlowSchemaSpec, name: string): FieldError[] {
  const { matchingPrecedence: precedence = 0, distinguisherMethod: method, priorityLevelConfiguration: level } = spec;
  const at = 'spec.matchingPrecedence';
  const errors: FieldError[] = [];
  if (precedence <= 0) errors.push(invalid(at, precedence, 'must be a positive value'));
  if (precedence > MAX_PRECEDENCE) {
    errors.push(invalid(at, precedence, `must not be greater than ${MAX_PRECEDENCE}`));
  }
  if (precedence === 1 && name !== 'exempt') {
    errors.push(invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  }
  const methods = ['ByNamespace', 'ByUser'];
  if (method && !methods.includes(method.type)) {
    errors.push(notSupported('spec.distinguisherMethod.type', { Type: method.type ?? '' }, methods));
  }
  const levelName = 'spec.priorityLevelConfiguration.name';
  if (level?.name) errors.push(...named(dns1123SubdomainErrors, level.name, levelName));
  else errors.push(required(levelName, 'must reference a priority level'));
  return [...errors, ...each(validateRules)(spec.rules, 'spec.rules')];
}

function validateRules(rules: PolicyRulesWithSubjects, field: string): FieldError[] {
  const { resourceRules = [], nonResourceRules = [] } = rules;
  const subjects = rules.subjects ?? [];
  const errors = each(subject)(subjects, `${field}.subjects`);
  if (subjects.length === 0) errors.push(required(`${field}.subjects`, 'subjects must contain at least one value'));
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    errors.push(required(field, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  }
  return [
    ...errors,
    ...each(resourceRule)(resourceRules, `${field}.resourceRules`),
    ...each(nonResourceRule)(nonResourceRules, `${field}.nonResourceRules`),
  ];
}

const MEMBERS = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' } as const;

function subject(who: Subject, field: string): FieldError[] {
  const kind = who.kind as keyof typeof MEMBERS;
  const own = MEMBERS[kind];
  if (!own) return [notSupported(`${field}.kind`, who.kind ?? '', Object.keys(MEMBERS))];
  const at = `${field}.${own}`;
  const errors = who[own] ? [] : [required(at, `${own} is required when subject kind is '${kind}'`)];
  if (who[own] && !who[own].name) errors.push(required(`${at}.name`));
  if (own === 'serviceAccount' && who.serviceAccount) {
    const { name, namespace } = who.serviceAccount;
    if (name && name !== '*') errors.push(...named(dns1123SubdomainErrors, name, `${at}.name`));
    if (namespace) errors.push(...named(dns1123LabelErrors, namespace, `${at}.namespace`));
    else errors.push(required(`${at}.namespace`, 'must specify namespace for service account'));
  }
  for (const [other, member] of Object.entries(MEMBERS)) {
    if (member === own || !who[member]) continue;
    errors.push(forbidden(`${field}.${member}`, `${member} is forbidden when subject kind is not '${other}'`));
  }
  return errors;
}

/** `*` stands for all, and so alone. */
const alone =
  (what: string): Check<readonly string[]> =>
  (list, field) =>
    list.includes('*') && list.length > 1
      ? [invalid(field, list, `if '*' is present, must not specify other ${what}`)]
      : [];

function verbs(list: readonly string[] | null | undefined, field: string): FieldError[] {
  if (!list?.length) return [required(field, 'verbs must contain at least one value')];
  if (list.includes('*')) return alone('verbs')(list, field);
  return list.every((verb) => VERBS.includes(verb)) ? [] : [notSupported(field, list, VERBS)];
}

function nonResourceRule({ verbs: list, nonResourceURLs }: NonResourcePolicyRule, field: string): FieldError[] {
  const errors = verbs(list, `${field}.verbs`);
  const urls = nonResourceURLs ?? [];
  const at = `${field}.nonResourceURLs`;
  if (urls.length === 0) return [...errors, required(at, 'nonResourceURLs must contain at least one value')];
  if (urls.includes('*')) return [...errors, ...alone('non-resource URLs')(urls, at)];
  return [...errors, ...each(urlPath)(urls, at)];
}

function urlPath(path: string, field: string): FieldError[] {
  const refuse = (why: string): FieldError[] => [invalid(field, path, why)];
  if (path === '') return refuse('must not be empty');
  if (path === '/') return [];
  if (!path.startsWith('/')) return refuse('must start with slash');
  if (path.includes(' ')) return refuse('must not contain white-space');
  if (path.includes('//')) return refuse('must not contain double slash');
  const star = path.indexOf('*');
  if (star < 0) return [];
  if (star < path.length - 1) return refuse('wildcard can only do suffix matching');
  return path.endsWith('/*') ? [] : refuse("'*' must be placed following '/'");
}

function resourceRule(rule: ResourcePolicyRule, field: string): FieldError[] {
  const { apiGroups, resources, clusterScope } = rule;
  const namespaces = rule.namespaces ?? [];
  const at = `${field}.namespaces`;
  const errors = [
    ...verbs(rule.verbs, `${field}.verbs`),
    ...needed<readonly string[]>(alone('api groups'), 'resource rules must supply at least one api group')(
      apiGroups,
      `${field}.apiGroups`,
    ),
    ...needed<readonly string[]>(alone('resources'), 'resource rules must supply at least one resource')(
      resources,
      `${field}.resources`,
    ),
  ];
  if (namespaces.length === 0 && !clusterScope) {
    const why = 'resource rules that are not cluster scoped must supply at least one namespace';
    return [...errors, required(at, why)];
  }
  if (namespaces.includes('*')) return [...errors, ...alone('namespaces')(namespaces, at)];
  const each = "each member of this list must be '*' or a DNS-1123 label; ";
  return [
    ...errors,
    ...namespaces.flatMap((name, i) =>
      dns1123LabelErrors(name).map((why) => invalid(`${at}[${i}]`, name, `${each}${why}`)),
    ),
  ];
}

export const priorityLevelConfiguration: Rules<PriorityLevelConfiguration> = {
  default({ spec }) {
    if (spec?.exempt) {
      spec.exempt.nominalConcurrencyShares ??= 0;
      spec.exempt.lendablePercent ??= 0;
    }
    if (!spec?.limited) return;
    spec.limited.nominalConcurrencyShares ??= 30;
    spec.limited.lendablePercent ??= 0;
    const queuing = spec.limited.limitResponse?.queuing;
    if (!queuing) return;
    queuing.handSize ||= 8;
    queuing.queues ||= 64;
    queuing.queueLengthLimit ||= 50;
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old, subresource) {
    if (subresource === 'status') keepMetadata(object, old);
    countGeneration(object, old);
  },

  validate: ({ metadata, spec, status }) => [
    ...(spec ? validateLevel(spec, metadata.name) : []),
    ...validateConditions(status?.conditions ?? []),
  ],

  cells({ metadata, spec }, now) {
    const { queuing } = spec?.limited?.limitResponse ?? {};
    return [
      metadata.name,
      spec?.type ?? '',
      spec?.limited?.nominalConcurrencyShares ?? '<none>',
      queuing?.queues ?? '<none>',
      queuing?.handSize ?? '<none>',
      queuing?.queueLengthLimit ?? '<none>',
      ageOf(metadata.creationTimestamp, now),
    ];
  },
};

function validateLevel({ type = '', exempt, limited }: PriorityLevelConfigurationSpec, name: string): FieldError[] {
  const isMisnamed = (name === 'exempt') !== (type === 'Exempt');
  const why = "must be 'Exempt' if and only if `name` is 'exempt'";
  const errors = isMisnamed ? [invalid('spec.type', type, why)] : [];
  switch (type) {
    case 'Exempt':
      if (limited) errors.push(forbidden('spec.limited', 'must be nil if the type is not Limited'));
      return [...errors, ...maybe(shares)(exempt, 'spec.exempt')];
    case 'Limited':
      if (exempt) errors.push(forbidden('spec.exempt', 'must be nil if the type is Limited'));
      if (limited) return [...errors, ...validateLimited(limited, 'spec.limited')];
      return [...errors, required('spec.limited', 'must not be empty when type is Limited')];
    case '':
      return [...errors, required('spec.type')];
    default:
      return [...errors, notSupported('spec.type', type, ['Exempt', 'Limited'])];
  }
}

function shares(level: ExemptPriorityLevelConfiguration, field: string): FieldError[] {
  return [...nominal(level, field), ...lendable(level, field)];
}

function nominal(
  { nominalConcurrencyShares: count = 0 }: ExemptPriorityLevelConfiguration,
  field: string,
): FieldError[] {
  if (count >= 0) return [];
  return [invalid(`${field}.nominalConcurrencyShares`, count, 'must be a non-negative integer')];
}

function lendable({ lendablePercent: percent = 0 }: ExemptPriorityLevelConfiguration, field: string): FieldError[] {
  if (percent >= 0 && percent <= 100) return [];
  return [invalid(`${field}.lendablePercent`, percent, 'must be between 0 and 100, inclusive')];
}

function validateLimited(level: LimitedPriorityLevelConfiguration, field: string): FieldError[] {
  const { borrowingLimitPercent: borrowed = 0, limitResponse } = level;
  const errors = [
    ...nominal(level, field),
    ...validateResponse(limitResponse ?? { type: '' }, `${field}.limitResponse`),
    ...lendable(level, field),
  ];
  if (borrowed >= 0) return errors;
  const why = 'if specified, must be a non-negative integer';
  return [...errors, invalid(`${field}.borrowingLimitPercent`, borrowed, why)];
}

function validateResponse({ type, queuing }: LimitResponse, field: string): FieldError[] {
  const at = `${field}.queuing`;
  if (type === 'Reject') {
    return queuing ? [forbidden(at, 'must be nil if limited.limitResponse.type is not Limited')] : [];
  }
  if (type !== 'Queue') return needed(among('Queue', 'Reject'))(type, `${field}.type`);
  if (queuing) return validateQueuing(queuing, at);
  return [required(at, 'must not be empty if limited.limitResponse.type is Limited')];
}

function validateQueuing(queuing: QueuingConfiguration, field: string): FieldError[] {
  const { queueLengthLimit: length = 0, queues = 0, handSize = 0 } = queuing;
  const errors: FieldError[] = [];
  const refuse = (name: string, value: number, why: string): void => {
    errors.push(invalid(`${field}.${name}`, value, why));
  };
  if (length <= 0) refuse('queueLengthLimit', length, 'must be positive');
  if (queues <= 0) refuse('queues', queues, 'must be positive');
  else if (queues > MAX_QUEUES) refuse('queues', queues, `must not be greater than ${MAX_QUEUES}`);
  if (handSize <= 0) refuse('handSize', handSize, 'must be positive');
  else if (handSize > queues) refuse('handSize', handSize, `should not be greater than queues (${queues})`);
  else if (entropy(queues, handSize) > MAX_BITS) {
    const hand = `required entropy bits of deckSize ${queues} and handSize ${handSize}`;
    refuse('handSize', handSize, `${hand} should not be greater than ${MAX_BITS}`);
  }
  return errors;
}

/** Bits that tell one hand from another. */
function entropy(deck: number, hand: number): number {
  let falling = 1;
  for (let i = 0; i < hand; i++) falling *= deck - i;
  return Math.ceil(Math.log2(falling));
}

function validateConditions(conditions: ReadonlyArray<{ type?: string }>): FieldError[] {
  return conditions.flatMap(({ type = '' }, i) => {
    const field = `status.conditions[${i}].type`;
    const isRepeated = conditions.findIndex((other) => (other.type ?? '') === type) < i;
    return [...(isRepeated ? [duplicate(field, type)] : []), ...(type ? [] : [required(field)])];
  });
}
