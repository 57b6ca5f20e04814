// Webhooks and policies of admission that upstream refuses, with the fields that it names.
import { expect, it } from 'vitest';
import type { MutatingAdmissionPolicySpec, ValidatingAdmissionPolicySpec } from '../types/admissionregistration.v1.ts';
import { validateBinding, validateMutatingPolicy, validateValidatingPolicy } from './admissionpolicy-validation.ts';
import { validateWebhooks } from './webhook-validation.ts';

const rule = { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE' as const], resources: ['deployments'] };
const webhook = {
  name: 'a.example.com',
  admissionReviewVersions: ['v1'],
  sideEffects: 'None' as const,
  clientConfig: { service: { name: 'a', namespace: 'b' } },
  rules: [rule],
};
const fieldsOf = (errors: ReadonlyArray<{ field: string }>): string[] => errors.map(({ field }) => field);

it.each<[object, string[]]>([
  [{}, []],
  [{ name: 'short' }, ['webhooks[0].name']],
  [{ sideEffects: 'Some' }, ['webhooks[0].sideEffects']],
  [{ clientConfig: { url: 'http://user@example.com/a?b#c' } }, Array(4).fill('webhooks[0].clientConfig.url')],
  [{ clientConfig: { url: 'https://a', service: webhook.clientConfig.service } }, ['webhooks[0].clientConfig']],
  // Upstream takes one for the other.
  [
    { clientConfig: { service: { name: 'a', path: 'b/c' } } },
    ['service.name', 'service.path', 'service.path'].map((one) => `webhooks[0].clientConfig.${one}`),
  ],
  [
    { admissionReviewVersions: ['v2', 'v2'] },
    ['webhooks[0].admissionReviewVersions[1]', 'webhooks[0].admissionReviewVersions'],
  ],
  [
    { rules: [{ ...rule, resources: ['a/*', 'a/b', '*/*'] }] },
    ['webhooks[0].rules[0].resources[1]', 'webhooks[0].rules[0].resources'],
  ],
  [
    { rules: [{ ...rule, operations: ['*', 'CREATE'], resources: ['*', 'a'] }] },
    ['webhooks[0].rules[0].operations', 'webhooks[0].rules[0].resources'],
  ],
  [{ matchConditions: [{ name: 'a', expression: 'params' }] }, ['webhooks[0].matchConditions[0].expression']],
])('webhook with %j', (changes, fields) => {
  expect(fieldsOf(validateWebhooks([{ ...webhook, ...changes }], undefined))).toEqual(fields);
});

it('lets a webhook keep what it was allowed once', () => {
  const old = [{ ...webhook, sideEffects: 'Some' as const, admissionReviewVersions: ['v9'] }];
  expect(validateWebhooks(old, old)).toEqual([]);
});

const match = { matchPolicy: 'Exact' as const, namespaceSelector: {}, objectSelector: {}, resourceRules: [rule] };

it.each<[Partial<ValidatingAdmissionPolicySpec>, string[]]>([
  [{ validations: [{ expression: 'object.a == 1' }] }, []],
  [{}, ['spec.validations', 'spec.auditAnnotations']],
  [{ validations: [{ expression: 'object.a' }] }, ['spec.validations[0].expression']],
  [
    {
      variables: [
        { name: 'a', expression: '1' },
        { name: 'in', expression: 'variables.b' },
      ],
      validations: [{ expression: 'variables.a == 1' }],
    },
    ['spec.variables[1].name', 'spec.variables[1].expression'],
  ],
  [
    { auditAnnotations: [{ key: 'a b', valueExpression: '1' }] },
    ['spec.auditAnnotations[0].key', 'spec.auditAnnotations[0].valueExpression'],
  ],
])('validating policy with %j', (changes, fields) => {
  const spec: ValidatingAdmissionPolicySpec = { failurePolicy: 'Fail', matchConstraints: match, ...changes };
  expect(fieldsOf(validateValidatingPolicy(spec, undefined, 'p'))).toEqual(fields);
});

it.each<[object, string[]]>([
  [{ patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{op: "test", path: "/a"}]' } }, []],
  [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: '1' } }, ['applyConfiguration.expression']],
  [{ patchType: 'JSONPatch', applyConfiguration: {} }, ['jsonPatch', 'applyConfiguration']],
])('mutation %j', (mutation, fields) => {
  const spec = { failurePolicy: 'Fail', reinvocationPolicy: 'Never', matchConstraints: match, mutations: [mutation] };
  expect(fieldsOf(validateMutatingPolicy(spec as MutatingAdmissionPolicySpec, undefined))).toEqual(
    fields.map((field) => `spec.mutations[0].${field}`),
  );
});

it('wants of a binding one way to its parameters', () => {
  const paramRef = { name: 'a', selector: {} };
  expect(fieldsOf(validateBinding({ policyName: 'p', paramRef }, 'spec'))).toEqual([
    'spec.paramRef.name',
    'spec.paramRef.selector',
    'spec.paramRef.parameterNotFoundAction',
  ]);
});
