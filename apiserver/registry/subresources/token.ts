// TokenRequest: a token for a service account, bound to a pod, a secret or a node if the request says so
// (k8s.io/kubernetes v1.36 pkg/registry/core/serviceaccount/storage/token.go).
import { type FieldError, invalid } from '../../../api/field.ts';
import { type AnyObject, parseApiVersion } from '../../../api/object.ts';
import { StatusError } from '../../../api/status.ts';
import type { TokenRequest } from '../../../api/types/authentication.v1.ts';
import { rfc3339 } from '../../../host/clock.ts';
import { common } from '../../authentication/authenticate.ts';
import type { TokenSubject } from '../../authentication/service-account-tokens.ts';
import { createdBy, managerOf } from '../../managed-fields/ownership.ts';
import { decodeStored, keyFor } from '../codec.ts';
import { decodeBody } from '../decode.ts';
import { mustGet } from '../get.ts';
import type { Answer, Call, Registry } from '../registry.ts';

const VERSION = 'authentication.k8s.io/v1';
const DEFAULT_SECONDS = 3600;
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;
/** What admission asks for in pods' own volumes: programs that never read the file again are given a year, and are to be warned of. */
const POD_SECONDS = 3607;
const EXTENDED_SECONDS = 365 * 24 * 3600;

type Bound = Pick<TokenSubject, 'pod' | 'secret' | 'node'>;

export async function requestToken(registry: Registry, call: Call): Promise<Answer> {
  const shape = registry.catalogue.shape('authentication.k8s.io', 'v1', 'TokenRequest')!;
  const request = (await decodeBody(call, shape)) as unknown as TokenRequest;
  const seconds = request.spec?.expirationSeconds ?? DEFAULT_SECONDS;
  if (request.spec) request.spec.expirationSeconds = seconds;
  const owners = createdBy({ ...managerOf(call), apiVersion: VERSION }, shape.schema, request, registry.clock.now());
  const account = decodeStored(call.kind, mustGet(registry, call.kind, call.namespace, call.name).value);
  const errors = problems(seconds);
  if (errors.length > 0) {
    throw StatusError.invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', errors);
  }
  const { tokens, clock } = registry;
  const audiences = request.spec?.audiences?.length ? request.spec.audiences : tokens.audiences;
  const bound = boundTo(registry, call, request);
  const { name, namespace = '', uid = '' } = account.metadata;
  const now = clock.now();
  const isExtended = bound.pod && seconds === POD_SECONDS && common(audiences, tokens.audiences).length > 0;
  const life = isExtended ? { seconds: EXTENDED_SECONDS, warnAfter: seconds } : { seconds };
  const token = tokens.issue({ namespace, ...bound, serviceaccount: { name, uid } }, { audiences, now, ...life });
  const object = {
    kind: 'TokenRequest',
    apiVersion: VERSION,
    metadata: { name, namespace, uid, creationTimestamp: rfc3339(now), managedFields: owners },
    spec: { audiences, expirationSeconds: seconds, boundObjectRef: request.spec?.boundObjectRef ?? null },
    status: { token, expirationTimestamp: rfc3339(now + seconds * 1000) },
  };
  return { type: 'other', status: 201, object };
}

function problems(seconds: number): FieldError[] {
  const field = 'spec.expirationSeconds';
  if (seconds < MIN_SECONDS) return [invalid(field, seconds, 'may not specify a duration less than 10 minutes')];
  return seconds > MAX_SECONDS ? [invalid(field, seconds, 'may not specify a duration larger than 2^32 seconds')] : [];
}

/** Throws 400, 404 or 409 for what the token cannot be bound to. */
function boundTo(registry: Registry, call: Call, request: TokenRequest): Bound {
  const ref = request.spec?.boundObjectRef;
  if (!ref) return {};
  const { kind = '', name = '', uid: wanted } = ref;
  const { group, version } = parseApiVersion(ref.apiVersion ?? '');
  if (group !== '' || !['Pod', 'Secret', 'Node'].includes(kind)) {
    const type = `${group}/${version}, Kind=${kind}`;
    throw StatusError.badRequest(`cannot bind token for serviceaccount ${JSON.stringify(call.name)} to type ${type}`);
  }
  const known = registry.catalogue.byKind('', 'v1', kind)!;
  const object: AnyObject = decodeStored(
    known,
    mustGet(registry, known, known.namespaced ? call.namespace : '', name).value,
  );
  const { spec, metadata } = object as AnyObject & { spec?: { serviceAccountName?: string; nodeName?: string } };
  if (kind === 'Pod' && spec?.serviceAccountName !== call.name) {
    const why = 'to pod running with different serviceaccount name.';
    throw StatusError.badRequest(`cannot bind token for serviceaccount ${JSON.stringify(call.name)} ${why}`);
  }
  if (wanted && wanted !== metadata.uid) {
    const why = `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw StatusError.conflict({ group: '', plural: kind }, name, why);
  }
  const bound = { name, uid: metadata.uid };
  if (kind === 'Secret') return { secret: bound };
  if (kind === 'Node') return { node: bound };
  return { pod: bound, ...(spec?.nodeName && { node: nodeRef(registry, spec.nodeName) }) };
}

/** A node that is not registered (yet) is named all the same. */
function nodeRef({ catalogue, store }: Registry, name: string): { name: string; uid?: string } {
  const kind = catalogue.byKind('', 'v1', 'Node')!;
  const entry = store.get(keyFor(kind, '', name));
  return { name, ...(entry && { uid: decodeStored(kind, entry.value).metadata.uid }) };
}
