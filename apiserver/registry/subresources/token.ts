// TokenRequest: a token for a service account, bound to a pod if the request says so
// (k8s.io/kubernetes v1.36 pkg/registry/core/serviceaccount/storage/token.go).
import { type FieldError, invalid } from '../../../api/field.ts';
import type { AnyObject } from '../../../api/object.ts';
import { StatusError } from '../../../api/status.ts';
import type { TokenRequest } from '../../../api/types/authentication.v1.ts';
import { rfc3339 } from '../../../host/clock.ts';
import { ISSUER } from '../../authentication/service-account-tokens.ts';
import { createdBy, managerOf } from '../../managed-fields/ownership.ts';
import { decodeStored } from '../codec.ts';
import { decodeBody } from '../decode.ts';
import { mustGet } from '../get.ts';
import type { Answer, Call, Registry } from '../registry.ts';

const VERSION = 'authentication.k8s.io/v1';
const DEFAULT_SECONDS = 3600;
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;

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
  const audiences = request.spec?.audiences?.length ? request.spec.audiences : [ISSUER];
  const pod = boundPod(registry, call, request);
  const { name, namespace = '', uid = '', creationTimestamp } = account.metadata;
  const now = registry.clock.now();
  const token = registry.tokens.issue({ name, namespace, uid, pod }, { audiences, seconds, now });
  const object = {
    kind: 'TokenRequest',
    apiVersion: VERSION,
    metadata: { name, namespace, uid, creationTimestamp, managedFields: owners },
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

function boundPod(registry: Registry, call: Call, request: TokenRequest): { name: string; uid: string } | undefined {
  const bound = request.spec?.boundObjectRef;
  if (!bound) return undefined;
  const { kind = '', name = '', uid } = bound;
  const known = registry.catalogue.byKind('', 'v1', kind);
  if (!known || kind !== 'Pod')
    throw StatusError.badRequest(`cannot bind token for serviceaccount ${call.name} to type ${kind}`);
  const pod: AnyObject = decodeStored(known, mustGet(registry, known, call.namespace, name).value);
  if (uid && uid !== pod.metadata.uid) {
    throw StatusError.conflict(
      known,
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  return { name, uid: pod.metadata.uid! };
}
