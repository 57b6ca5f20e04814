// CertificateSigningRequest of certificates.k8s.io/v1: who asks is written by the server, who approves writes conditions only, and
// who signs the certificate only (k8s.io/kubernetes v1.36 pkg/registry/certificates/certificates, pkg/apis/certificates/validation).
import { ageOf, humanDuration } from '../age.ts';
import { duplicate, type FieldError, invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../types/certificates.v1.ts';
import { among } from './rule-table.ts';
import { signerName } from './signer-name.ts';

const MIN_SECONDS = 600;
const PEM = /-----BEGIN CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE REQUEST-----/;
const DECISIONS = ['Approved', 'Denied'];
const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

export const certificateSigningRequest: Rules<CertificateSigningRequest> = {
  prepareForCreate(object, { user: { name, uid, groups, extra } }) {
    object.spec ??= { request: '', signerName: '' }; // refused below
    const { spec } = object;
    Object.assign(spec, { username: name, uid, groups, extra });
    for (const field of ['uid', 'extra'] as const) if (!spec[field]) delete spec[field];
  },

  prepareForUpdate(object, old, subresource, { now }) {
    object.spec = old.spec;
    if (subresource === '') return;
    const conditions = object.status?.conditions ?? [];
    const isDecision = ({ type }: CertificateSigningRequestCondition): boolean => DECISIONS.includes(type);
    const kept = (old.status?.conditions ?? []).filter(isDecision);
    const status = subresource === 'approval' ? { ...old.status, conditions } : object.status;
    if (subresource === 'status' && status)
      status.conditions = [...kept, ...conditions.filter((one) => !isDecision(one))];
    object.status = {
      ...status,
      conditions: status?.conditions?.map((one) => dated(one, old.status?.conditions, now)),
    };
    if (!object.status.conditions?.length) delete object.status.conditions;
  },

  validate({ spec, status }) {
    const errors: FieldError[] = [];
    if (!PEM.test(Buffer.from(spec.request ?? '', 'base64').toString())) {
      errors.push(invalid('spec.request', spec.request ?? '', 'PEM block type must be CERTIFICATE REQUEST'));
    }
    if (!spec.usages?.length) errors.push(required('spec.usages'));
    errors.push(...validateUsages(spec.usages ?? []), ...signerName(spec.signerName ?? '', 'spec.signerName'));
    if (spec.expirationSeconds !== undefined && spec.expirationSeconds < MIN_SECONDS) {
      const why = `may not specify a duration less than ${MIN_SECONDS} seconds (10 minutes)`;
      errors.push(invalid('spec.expirationSeconds', spec.expirationSeconds, why));
    }
    return [...errors, ...validateConditions(status?.conditions ?? [])];
  },

  fields: ({ spec }) => ({ 'spec.signerName': spec.signerName }),

  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    ageOf(metadata.creationTimestamp, now),
    spec.signerName,
    spec.username ?? '',
    spec.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
    stateOf(status),
  ],
};

function validateUsages(usages: readonly string[]): FieldError[] {
  return [
    ...usages.flatMap((usage, i) => among(...USAGES)(usage, `spec.usages[${i}]`)),
    ...usages.flatMap((usage, i) => (usages.indexOf(usage) < i ? [duplicate(`spec.usages[${i}]`, usage)] : [])),
  ];
}

/** When a condition came, and when it last changed sides. */
function dated(
  condition: CertificateSigningRequestCondition,
  before: readonly CertificateSigningRequestCondition[] | undefined,
  now: string,
): CertificateSigningRequestCondition {
  const old = before?.find(({ type }) => type === condition.type);
  const lastTransitionTime =
    condition.lastTransitionTime ?? (old?.status === condition.status ? old.lastTransitionTime : now);
  return {
    ...condition,
    lastUpdateTime: condition.lastUpdateTime ?? now,
    lastTransitionTime: lastTransitionTime ?? now,
  };
}

function validateConditions(conditions: readonly CertificateSigningRequestCondition[]): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, { type, status }] of conditions.entries()) {
    const field = `status.conditions[${i}]`;
    if (!type) errors.push(required(`${field}.type`));
    if (!status) errors.push(required(`${field}.status`));
    else if ([...DECISIONS, 'Failed'].includes(type) && status !== 'True') {
      errors.push(invalid(`${field}.status`, status, `may not be "False" or "Unknown" for condition type "${type}"`));
    }
  }
  const types = conditions.map(({ type }) => type);
  if (DECISIONS.every((type) => types.includes(type))) {
    const i = Math.max(...DECISIONS.map((type) => types.indexOf(type)));
    errors.push(
      invalid(`status.conditions[${i}].type`, types[i], 'Approved and Denied conditions are mutually exclusive'),
    );
  }
  return errors;
}

function stateOf(status: CertificateSigningRequest['status']): string {
  const types = (status?.conditions ?? []).map(({ type }) => type);
  const decision = types.includes('Denied') ? 'Denied' : types.includes('Approved') ? 'Approved' : 'Pending';
  return [decision, types.includes('Failed') && 'Failed', status?.certificate && 'Issued'].filter(Boolean).join(',');
}
