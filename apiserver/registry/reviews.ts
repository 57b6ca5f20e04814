// Kinds that are questions, not objects: a POST is answered and nothing is stored.
import { type FieldError, invalid } from '../../api/field.ts';
import type { AnyObject } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import { identify, TokenError } from '../authentication/authenticate.ts';
import { authenticated, type User } from '../authentication/user.ts';
import type { Attributes, Decision } from '../authorization/authorizer.ts';
import { decodeBody } from './decode.ts';
import type { Answer, Call, Handler, Registry } from './registry.ts';

interface ResourceAttributes {
  namespace?: string;
  verb?: string;
  group?: string;
  resource?: string;
  subresource?: string;
  name?: string;
}

interface AccessSpec {
  user?: string;
  groups?: string[];
  uid?: string;
  resourceAttributes?: ResourceAttributes;
  nonResourceAttributes?: { path?: string; verb?: string };
}

export const REVIEWS: Readonly<Record<string, Handler>> = {
  SelfSubjectReview: async (_registry, call) => {
    const object = await decodeBody(call, call.kind);
    return answer({ ...object, status: { userInfo: userInfo(call.user) } });
  },
  TokenReview: reviewToken,
  SelfSubjectAccessReview: (registry, call) => reviewAccess(registry, call, () => call.user),
  SubjectAccessReview: (registry, call) => reviewAccess(registry, call, subjectOf),
  SelfSubjectRulesReview: reviewRules,
  LocalSubjectAccessReview: (registry, call) => reviewAccess(registry, call, subjectOf),
};

const answer = (object: AnyObject): Answer => ({ type: 'object', status: 201, object });

function userInfo({ name, uid, groups, extra }: User): object {
  return { username: name, ...(uid && { uid }), groups, ...(extra && { extra }) };
}

/** Whose a token is; the audiences are those it is for, of the ones that are asked about. */
async function reviewToken({ authentication }: Registry, call: Call): Promise<Answer> {
  const object = await decodeBody(call, call.kind);
  const spec = (object.spec ?? {}) as { token?: string; audiences?: string[] };
  if (!spec.token) throw StatusError.badRequest('token is required for TokenReview in authentication');
  const wanted = spec.audiences?.length ? spec.audiences : authentication.audiences;
  try {
    const { user, audiences } = identify(spec.token, wanted, authentication.tokens);
    return answer({ ...object, status: { authenticated: true, user: userInfo(authenticated(user)), audiences } });
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return answer({ ...object, status: { user: {}, error: error.message } });
  }
}

/** Whoever may ask may do everything: there is no authorizer that tells more than that. */
async function reviewRules(_registry: Registry, call: Call): Promise<Answer> {
  const object = await decodeBody(call, call.kind);
  if (!(object.spec as { namespace?: string } | undefined)?.namespace) {
    throw StatusError.badRequest('no namespace on request');
  }
  const resourceRules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
  const nonResourceRules = [{ verbs: ['*'], nonResourceURLs: ['*'] }];
  return answer({ ...object, status: { resourceRules, nonResourceRules, incomplete: false } });
}

function subjectOf(spec: AccessSpec): User {
  return { name: spec.user ?? '', groups: spec.groups ?? [], uid: spec.uid };
}

async function reviewAccess(registry: Registry, call: Call, who: (spec: AccessSpec) => User): Promise<Answer> {
  const object = await decodeBody(call, call.kind);
  const spec = (object.spec ?? {}) as AccessSpec;
  const errors = problems(call, spec);
  if (errors.length > 0) throw invalidReview(errors);
  const decision: Decision = registry.authorizer(attributesOf(who(spec), spec));
  const status = { allowed: decision.allowed, ...(decision.reason && { reason: decision.reason }) };
  return answer({ ...object, status });
}

/** Upstream's reviews do not say their kind when they are refused. */
function invalidReview(errors: readonly FieldError[]): StatusError {
  const { message, status } = StatusError.invalid({ group: 'authorization.k8s.io', kind: '' }, '', errors);
  const { kind: _kind, ...details } = status.details ?? {};
  return new StatusError(422, 'Invalid', message, details);
}

function problems(call: Call, spec: AccessSpec): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const errors: FieldError[] = [];
  if (resourceAttributes && nonResourceAttributes) {
    const { path = '', verb = '' } = nonResourceAttributes;
    const why = 'cannot be specified in combination with resourceAttributes';
    errors.push(invalid('spec.nonResourceAttributes', { Path: path, Verb: verb }, why));
  }
  if (!resourceAttributes && !nonResourceAttributes) {
    const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    errors.push(invalid('spec.resourceAttributes', null, why));
  }
  if (call.kind.kind !== 'SelfSubjectAccessReview' && !spec.user && !spec.groups?.length) {
    errors.push(invalid('spec.user', '', 'at least one of user or group must be specified'));
  }
  if (call.kind.kind === 'LocalSubjectAccessReview' && resourceAttributes?.namespace !== call.namespace) {
    const field = 'spec.resourceAttributes.namespace';
    errors.push(invalid(field, resourceAttributes?.namespace ?? '', 'must match metadata.namespace'));
  }
  return errors;
}

function attributesOf(user: User, { resourceAttributes, nonResourceAttributes }: AccessSpec): Attributes {
  const {
    namespace = '',
    verb = '',
    group = '',
    resource = '',
    subresource = '',
    name = '',
  } = resourceAttributes ?? {};
  return {
    user,
    verb: resourceAttributes ? verb : (nonResourceAttributes?.verb ?? ''),
    isResource: resourceAttributes !== undefined,
    group,
    resource,
    subresource,
    namespace,
    name,
    path: nonResourceAttributes?.path ?? '',
  };
}
