// Fields that a resource or subresource does not take from its clients, so that nobody owns them by writing there: upstream's
// GetResetFields of each strategy (k8s.io/kubernetes v1.36 pkg/registry/*/*/strategy.go).
import type { Kind } from '../../api/kind.ts';
import { below, type FieldSet, leaf, recursiveDifference, rootOf } from './field-set.ts';

/** `exclude`: all but these fields; `include`: these only. */
export type FieldFilter = { readonly exclude: FieldSet } | { readonly include: Pattern };

/** By element, '*' standing for any; `true`: whatever lies below. */
export interface Pattern {
  readonly [element: string]: Pattern | true;
}

const STATUS: FieldFilter = { exclude: { 'f:status': leaf() } };
const SPEC: FieldFilter = { exclude: { 'f:spec': leaf() } };

const RESIZABLE: Pattern = { '*': { 'f:resources': true, 'f:resizePolicy': true } };

/** `Kind/subresource` where it differs from what most do. */
const OWN: Readonly<Record<string, FieldFilter>> = {
  'Pod/status': {
    exclude: { 'f:metadata': { 'f:deletionTimestamp': leaf(), 'f:ownerReferences': leaf() }, 'f:spec': leaf() },
  },
  'Pod/ephemeralcontainers': { include: { 'f:spec': { 'f:ephemeralContainers': true } } },
  'Pod/resize': { include: { 'f:spec': { 'f:containers': RESIZABLE, 'f:initContainers': RESIZABLE } } },
  'Deployment/status': { exclude: { 'f:metadata': { 'f:labels': leaf() }, 'f:spec': leaf() } },
  'FlowSchema/status': { exclude: { 'f:metadata': leaf(), 'f:spec': leaf() } },
  'PriorityLevelConfiguration/status': { exclude: { 'f:metadata': leaf(), 'f:spec': leaf() } },
  'CertificateSigningRequest/status': { exclude: { 'f:spec': leaf(), 'f:status': { 'f:conditions': leaf() } } },
  'CertificateSigningRequest/approval': { exclude: { 'f:spec': leaf(), 'f:status': { 'f:certificate': leaf() } } },
};

/** Undefined: everything is taken. */
export function resetFields({ kind, subresources }: Kind, subresource: string): FieldFilter | undefined {
  const own = OWN[`${kind}/${subresource}`];
  if (own) return own;
  if (subresource === 'status') return SPEC;
  return subresources.has('status') ? STATUS : undefined;
}

export function filtered(set: FieldSet | undefined, filter: FieldFilter | undefined): FieldSet | undefined {
  if (!set || !filter) return set;
  return 'exclude' in filter ? recursiveDifference(set, filter.exclude) : rootOf(included(set, filter.include));
}

function included(set: FieldSet, pattern: Pattern): Array<[string, FieldSet]> {
  const kept: Array<[string, FieldSet]> = [];
  for (const [element, inner] of Object.entries(set)) {
    const rest = pattern[element] ?? pattern['*'];
    if (element === '.' || rest === undefined) continue;
    const whole = rest === true ? inner : below(inner['.'] !== undefined, included(inner, rest));
    if (whole) kept.push([element, whole]);
  }
  return kept;
}
