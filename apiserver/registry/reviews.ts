// Kinds that are questions, not objects: a POST is answered and nothing is stored.
import type { FieldError } from '../../api/field.ts';
import { type AccessReviewKind, validateAccessReview } from '../../api/kinds/access-review.ts';
import { type AnyObject, apiVersionOf, type ObjectMeta } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import type { SubjectAccessReviewSpec } from '../../api/types/authorization.v1.ts';
import { rfc3339 } from '../../host/clock.ts';
import { identify, TokenError } from '../authentication/authenticate.ts';
import { authenticated, type User } from '../authentication/user.ts';
import type { Attributes, Decision } from '../authorization/authorizer.ts';
import { trackWrite } from '../managed-fields/ownership.ts';
import { decodeBody } from './decode.ts';
import { alignNamespace, wipeSystemFields } from './metadata.ts';
import type { Answer, Call, Handler, Registry } from './registry.ts';

/** What is asked, with the metadata that a create would look at. */
interface Question extends AnyObject {
  spec?: SubjectAccessReviewSpec & { token?: string; audiences?: string[]; namespace?: string };
  status?: object;
}

export const REVIEWS: Readonly<Record<string, Handler>> = {
  SelfSubjectReview: async (registry, call) => {
    await questionOf(registry, call);
    const metadata = { creationTimestamp: rfc3339(registry.clock.now()) } as ObjectMeta;
    return answer({ ...named(call), metadata, status: { userInfo: userInfo(call.user) } });
  },
  TokenReview: reviewToken,
  SelfSubjectAccessReview: (registry, call) => reviewAccess(registry, call, () => call.user),
  SubjectAccessReview: (registry, call) => reviewAccess(registry, call, subjectOf),
  SelfSubjectRulesReview: reviewRules,
  LocalSubjectAccessReview: (registry, call) => reviewAccess(registry, call, subjectOf),
};

const answer = (object: AnyObject): Answer => ({ type: 'object', status: 201, object });

const named = ({ kind }: Call): Pick<AnyObject, 'apiVersion' | 'kind'> => ({
  kind: kind.kind,
  apiVersion: apiVersionOf(kind.group, kind.version),
});

async function questionOf(registry: Registry, call: Call): Promise<Question> {
  const object = (await decodeBody(call, call.kind)) as Question;
  alignNamespace(call, object);
  wipeSystemFields(object.metadata);
  if (!object.metadata.name) delete (object.metadata as Partial<ObjectMeta>).name;
  trackWrite(registry, call, undefined, object);
  return object;
}

function userInfo({ name, uid, groups, extra }: User): object {
  return { username: name, ...(uid && { uid }), groups, ...(extra && { extra }) };
}

/** Whose a token is; the audiences are those it is for, of the ones that are asked about. A status that came along is filled in. */
async function reviewToken(registry: Registry, call: Call): Promise<Answer> {
  const { authentication } = registry;
  const { spec = {}, status, ...rest } = await questionOf(registry, call);
  if (!spec.token) throw StatusError.badRequest('token is required for TokenReview in authentication');
  const wanted = spec.audiences?.length ? spec.audiences : authentication.audiences;
  try {
    const { user, audiences } = identify(spec.token, wanted, authentication.tokens);
    const found = { authenticated: true, user: userInfo(authenticated(user)), audiences };
    return answer({ ...rest, spec, status: { ...status, ...found } });
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const { authenticated: _authenticated, ...given } = { user: {}, ...status } as Record<string, unknown>;
    return answer({ ...rest, spec, status: { ...given, error: error.message } });
  }
}

/** Whoever may ask may do everything: there is no authorizer that tells more than that. */
async function reviewRules(registry: Registry, call: Call): Promise<Answer> {
  const { spec } = await questionOf(registry, call);
  if (!spec?.namespace) throw StatusError.badRequest('no namespace on request');
  const resourceRules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
  const nonResourceRules = [{ verbs: ['*'], nonResourceURLs: ['*'] }];
  const status = { resourceRules, nonResourceRules, incomplete: false };
  return answer({ ...named(call), metadata: {} as ObjectMeta, spec: {}, status });
}

function subjectOf(spec: SubjectAccessReviewSpec): User {
  return { name: spec.user ?? '', groups: spec.groups ?? [], uid: spec.uid };
}

async function reviewAccess(
  registry: Registry,
  call: Call,
  who: (spec: SubjectAccessReviewSpec) => User,
): Promise<Answer> {
  const object = await questionOf(registry, call);
  const spec = object.spec ?? {};
  const errors = validateAccessReview(call.kind.kind as AccessReviewKind, object);
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

function attributesOf(user: User, { resourceAttributes, nonResourceAttributes }: SubjectAccessReviewSpec): Attributes {
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
