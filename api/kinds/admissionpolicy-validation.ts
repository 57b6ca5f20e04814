// What the policies of admission and their bindings must say (k8s.io/kubernetes v1.36 pkg/apis/admissionregistration/validation).
import { type CelType, compile } from '../cel/check.ts';
import { RESERVED } from '../cel/parse.ts';
import { duplicate, type FieldError, forbidden, invalid, required } from '../field.ts';
import { isEqual, parseApiVersion } from '../object.ts';
import {
  dns1035LabelErrors,
  dns1123SubdomainErrors,
  pathSegmentErrors,
  qualifiedNameErrors,
} from '../selectors/syntax.ts';
import type {
  AuditAnnotation,
  MatchResources,
  MutatingAdmissionPolicySpec,
  Mutation,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicySpec,
  ValidatingAdmissionPolicyStatus,
  Validation,
  Variable,
} from '../types/admissionregistration.v1.ts';
import { expression, matchConditions, scopeOf } from './admission-expressions.ts';
import { matchResources, mutableOperations } from './admission-rules.ts';
import { labelSelector, named } from './checks.ts';
import { validateConditions } from './conditions.ts';
import { among, each, given, maybe, needed, structOf, unlessEmpty } from './rule-table.ts';

const MAX_ANNOTATIONS = 20;
/** In bytes. */
const MAX_ANNOTATION = 5 * 1024;
const NOT_THERE = 'validations or auditAnnotations must contain at least one item';

type PolicySpec = Pick<
  ValidatingAdmissionPolicySpec,
  'failurePolicy' | 'matchConditions' | 'matchConstraints' | 'paramKind' | 'variables'
>;

const failurePolicy = given<string>(among('Fail', 'Ignore'));
const reinvocationPolicy = needed<string>(among('IfNeeded', 'Never'));

export function validateValidatingPolicy(
  spec: ValidatingAdmissionPolicySpec,
  old: ValidatingAdmissionPolicySpec | undefined,
  name: string,
): FieldError[] {
  const { validations = [], auditAnnotations = [], variables = [] } = spec;
  const read = readVariables(spec);
  const errors = [...validateHead(spec), ...validateMatchConditions(spec, old), ...read.errors];
  if (validations.length === 0 && auditAnnotations.length === 0) {
    return [...errors, required('spec.validations', NOT_THERE), required('spec.auditAnnotations', NOT_THERE)];
  }
  const known = variables.length > 0 ? read.types : undefined;
  errors.push(...validations.flatMap((one, i) => validateValidation(one, `spec.validations[${i}]`, spec, known)));
  if (auditAnnotations.length > MAX_ANNOTATIONS) {
    const why = `must not have more than ${MAX_ANNOTATIONS} auditAnnotations`;
    errors.push(invalid('spec.auditAnnotations', auditAnnotations, why));
  }
  for (const [i, annotation] of auditAnnotations.entries()) {
    const at = `spec.auditAnnotations[${i}]`;
    errors.push(...validateAnnotation(annotation, at, { name, hasParams: Boolean(spec.paramKind), variables: known }));
    const isRepeated = auditAnnotations.findIndex(({ key }) => key === annotation.key) < i;
    if (isRepeated) errors.push(duplicate(`${at}.key`, annotation.key));
  }
  return errors;
}

export function validateMutatingPolicy(
  spec: MutatingAdmissionPolicySpec,
  old: MutatingAdmissionPolicySpec | undefined,
): FieldError[] {
  const { mutations = [], matchConstraints } = spec;
  const { errors: unsound, types: known } = readVariables(spec);
  const names = { hasParams: Boolean(spec.paramKind), hasAuthorizer: true, makesPatches: true, variables: known };
  return [
    ...validateHead(spec),
    ...(matchConstraints ? mutableOperations(matchConstraints, 'spec.matchConstraints') : []),
    ...validateMatchConditions(spec, old),
    ...unsound,
    ...needed(
      each((mutation: Mutation, field) => validateMutation(mutation, field, scopeOf(names))),
      'mutations must contain at least one item',
    )(mutations, 'spec.mutations'),
    ...reinvocationPolicy(spec.reinvocationPolicy, 'spec.reinvocationPolicy'),
  ];
}

/** What both kinds of policies begin with. */
function validateHead(spec: PolicySpec): FieldError[] {
  const field = 'spec.matchConstraints';
  const rules = spec.matchConstraints?.resourceRules ?? [];
  return [
    ...failurePolicy(spec.failurePolicy, 'spec.failurePolicy'),
    ...maybe(paramKind)(spec.paramKind, 'spec.paramKind'),
    ...given(matchResources)(spec.matchConstraints, field),
    ...(spec.matchConstraints && rules.length === 0 ? [required(`${field}.resourceRules`)] : []),
  ];
}

/** Those that are as they were, with the same parameters, are not looked at again. */
function validateMatchConditions(spec: PolicySpec, old: PolicySpec | undefined): FieldError[] {
  const { matchConditions: conditions = [] } = spec;
  const isKept = old && isEqual(spec.paramKind, old.paramKind) && isEqual(conditions, old.matchConditions ?? []);
  return isKept ? [] : matchConditions(conditions, 'spec.matchConditions', { hasParams: Boolean(spec.paramKind) });
}

const paramKind = structOf<ParamKind>({
  apiVersion: needed((apiVersion, field) => {
    if (apiVersion.split('/').length > 2) {
      return [invalid(field, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
    }
    const { group, version } = parseApiVersion(apiVersion === '/' ? '' : apiVersion);
    const errors = group ? together(dns1123SubdomainErrors(group), group, field) : [];
    if (!version) return [...errors, invalid(field, apiVersion, 'version must be specified')];
    return [...errors, ...together(dns1035LabelErrors(version), version, field)];
  }),
  kind: needed((kind, field) =>
    together(dns1035LabelErrors(kind.toLowerCase()), kind, field, 'may have mixed case, but should otherwise match: '),
  ),
});

/** All that is wrong as one error. */
function together(errors: readonly string[], value: string, field: string, head = ''): FieldError[] {
  return errors.length > 0 ? [invalid(field, value, head + errors.join(','))] : [];
}

type Types = Record<string, CelType>;

/** What is wrong with the variables, and what they are; each may name those before it. */
function readVariables({ variables = [], paramKind: param }: PolicySpec): { errors: FieldError[]; types: Types } {
  const types: Types = {};
  const scope = scopeOf({ hasParams: Boolean(param), hasAuthorizer: true, variables: types });
  const errors = variables.flatMap(({ name = '', expression: text = '' }: Variable, i) => {
    const at = `spec.variables[${i}]`;
    const found: FieldError[] = [];
    if (!name.trim()) found.push(required(`${at}.name`, 'name is not specified'));
    else if (!isIdentifier(name)) found.push(invalid(`${at}.name`, name, 'must be a valid CEL identifier'));
    // One that says nothing is not there.
    if (!text.trim()) return [...found, required(`${at}.expression`, 'expression is not specified')];
    const { type, trouble } = compile(text, scope);
    types[name] = type;
    if (trouble !== undefined) found.push(invalid(`${at}.expression`, text, trouble));
    return found;
  });
  return { errors, types };
}

const isIdentifier = (name: string): boolean =>
  /^[_a-zA-Z]\w*$/.test(name) && !RESERVED.has(name) && !/^(true|false|null|in)$/.test(name);

function validateValidation(
  { expression: text = '', message = '', messageExpression = '', reason }: Validation,
  field: string,
  { paramKind: param }: PolicySpec,
  variables: Types | undefined,
): FieldError[] {
  const hasParams = Boolean(param);
  const scope = scopeOf({ hasParams, hasAuthorizer: true, variables });
  const errors = text.trim()
    ? expression(text, `${field}.expression`, { scope, returns: ['bool'] })
    : [required(`${field}.expression`, 'expression is not specified')];
  if (messageExpression.trim()) {
    const told = { scope: scopeOf({ hasParams, variables }), returns: ['string'] };
    errors.push(...expression(messageExpression, `${field}.messageExpression`, told));
  } else if (messageExpression) {
    errors.push(invalid(`${field}.messageExpression`, messageExpression, 'must be non-empty if specified'));
  }
  if (message && !message.trim()) errors.push(invalid(`${field}.message`, message, 'must be non-empty if specified'));
  else if (/[\n\r]/.test(message.trim())) {
    errors.push(invalid(`${field}.message`, message, 'must not contain line breaks'));
  }
  const reasons = among('Forbidden', 'Invalid', 'RequestEntityTooLarge');
  return [...errors, ...maybe(reasons)(reason, `${field}.reason`)];
}

function validateAnnotation(
  { key = '', valueExpression: text = '' }: AuditAnnotation,
  field: string,
  policy: { readonly name: string; readonly hasParams: boolean; readonly variables: Types | undefined },
): FieldError[] {
  const errors = policy.name
    ? named(qualifiedNameErrors, `${policy.name}/${key}`, `${field}.key`)
    : [invalid(`${field}.key`, key, 'requires metadata.name be non-empty')];
  const at = `${field}.valueExpression`;
  const trimmed = text.trim();
  if (!trimmed) return [...errors, required(at, 'valueExpression is not specified')];
  if (trimmed.length > MAX_ANNOTATION) {
    return [...errors, required(at, `must not exceed ${MAX_ANNOTATION} bytes in length`)];
  }
  const scope = scopeOf({ ...policy, hasAuthorizer: true });
  return [...errors, ...expression(trimmed, at, { scope, returns: ['string', 'null_type'], said: text })];
}

/** Patches by type; one is told by an expression that makes it, the other is not there. */
const PATCHES = {
  JSONPatch: { own: 'jsonPatch', other: 'applyConfiguration', returns: [] },
  ApplyConfiguration: { own: 'applyConfiguration', other: 'jsonPatch', returns: ['Object'] },
} as const;

function validateMutation(mutation: Mutation, field: string, scope: ReturnType<typeof scopeOf>): FieldError[] {
  const type = mutation.patchType ?? '';
  const patch = PATCHES[type];
  if (!patch) return needed(among('ApplyConfiguration', 'JSONPatch'))(type, `${field}.patchType`);
  const { own, other, returns } = patch;
  const text = mutation[own]?.expression?.trim();
  const errors: FieldError[] = [];
  if (!mutation[own]) errors.push(required(`${field}.${own}`, `must be specified when patchType is ${type}`));
  else if (text) errors.push(...expression(text, `${field}.${own}.expression`, { scope, returns }));
  else errors.push(required(`${field}.${own}.expression`));
  if (!mutation[other]) return errors;
  return [...errors, invalid(`${field}.${other}`, `{${other}}`, `must not be specified when patchType is ${type}`)];
}

export function validateBinding(
  {
    policyName,
    paramRef,
    matchResources: match,
  }: {
    readonly policyName?: string;
    readonly paramRef?: ParamRef;
    readonly matchResources?: MatchResources;
  },
  field: string,
): FieldError[] {
  return [
    ...needed<string>((name, at) => named(dns1123SubdomainErrors, name, at))(policyName, `${field}.policyName`),
    ...maybe(validateParamRef)(paramRef, `${field}.paramRef`),
    ...maybe(matchResources)(match, `${field}.matchResources`),
  ];
}

const EXCLUSIVE = 'name and selector are mutually exclusive';

function validateParamRef({ name, selector, parameterNotFoundAction }: ParamRef, field: string): FieldError[] {
  const isTorn = Boolean(name && selector);
  return [
    ...unlessEmpty<string>((text, at) => named(pathSegmentErrors, text, at))(name, `${field}.name`),
    ...(isTorn ? [forbidden(`${field}.name`, EXCLUSIVE)] : []),
    ...maybe(labelSelector)(selector, `${field}.selector`),
    ...(isTorn ? [forbidden(`${field}.selector`, EXCLUSIVE)] : []),
    ...(!name && !selector ? [required(field, 'one of name or selector must be specified')] : []),
    ...needed(among('Deny', 'Allow'))(parameterNotFoundAction, `${field}.parameterNotFoundAction`),
  ];
}

export function validateActions(actions: readonly string[], field: string): FieldError[] {
  const errors = actions.flatMap((action, i) => [
    ...among('Audit', 'Deny', 'Warn')(action, `${field}[${i}]`),
    ...(actions.indexOf(action) < i ? [duplicate(`${field}[${i}]`, action)] : []),
  ]);
  if (actions.includes('Deny') && actions.includes('Warn')) {
    const why =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';
    errors.push(invalid(field, actions, why));
  }
  return actions.length > 0 ? errors : [...errors, required(field, 'at least one validation action is required')];
}

/** Where the warnings point to is not read as a JSONPath. */
export function validatePolicyStatus({ typeChecking, conditions }: ValidatingAdmissionPolicyStatus): FieldError[] {
  const warnings = (typeChecking?.expressionWarnings ?? []).flatMap(({ warning, fieldRef = '' }, i) => {
    const at = `status.typeChecking.expressionWarnings[${i}]`;
    return [...(warning ? [] : [required(`${at}.warning`)]), ...(fieldRef.trim() ? [] : [required(`${at}.fieldRef`)])];
  });
  return [...warnings, ...validateConditions(conditions, 'status.conditions')];
}
