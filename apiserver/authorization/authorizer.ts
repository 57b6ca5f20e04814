// Authorization: may this user do this. The waist RBAC and webhooks fit behind.
import { StatusError } from '../../api/status.ts';
import { ANONYMOUS, MASTERS, type User } from '../authentication/user.ts';

export interface Attributes {
  readonly user: User;
  readonly verb: string;
  /** True when resource, group and namespace say what it is about; else `path` does. */
  readonly isResource: boolean;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
}

export interface Decision {
  readonly allowed: boolean;
  readonly reason?: string;
}

export type Authorizer = (attributes: Attributes) => Decision;

/** Paths anybody may read (upstream: ClusterRoles system:public-info-viewer and the health checks). */
const PUBLIC = /^\/(healthz|livez|readyz|version)(\/|$)/;

/** Everybody with valid credentials may do everything; anonymous callers see health and version only. */
export const alwaysAllow: Authorizer = ({ user, isResource, path }) => ({
  allowed: user.name !== ANONYMOUS.name || (!isResource && PUBLIC.test(path)),
});

/** Asks `rest` about everybody but system:masters, who may do everything (so that a broken role locks nobody out). */
export function mastersFirst(rest: Authorizer): Authorizer {
  return (attributes) => (attributes.user.groups.includes(MASTERS) ? { allowed: true } : rest(attributes));
}

/** The 403 that tells who may not do what, in upstream's words. */
export function refusal(attributes: Attributes, reason?: string): StatusError {
  const { user, verb, group, resource, subresource, namespace, name, path } = attributes;
  const why = reason ? `: ${reason}` : '';
  if (!attributes.isResource) {
    const message = `forbidden: User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(path)}${why}`;
    return new StatusError(403, 'Forbidden', message, {});
  }
  const what = subresource ? `${resource}/${subresource}` : resource;
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope';
  return StatusError.forbidden(
    { group, plural: resource },
    name,
    `User ${JSON.stringify(user.name)} cannot ${verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}${why}`,
  );
}
