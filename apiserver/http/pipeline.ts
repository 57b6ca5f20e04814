// The way of every request, top to bottom. A row may refuse by throwing a StatusError, or answer at once.
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { type Authenticator, authenticate } from '../authentication/authenticate.ts';
import { impersonatedUser } from '../authentication/impersonation.ts';
import { ANONYMOUS, type User } from '../authentication/user.ts';
import { type Attributes, type Authorizer, refusal } from '../authorization/authorizer.ts';
import type { RequestInfo } from './request-info.ts';

/** One request on its way. */
export interface Exchange {
  readonly info: RequestInfo;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly response: ServerResponse;
  readonly warnings: string[];
  /** Set by authentication, replaced by impersonation. */
  user: User;
}

export interface Guards {
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
}

type Row = (exchange: Exchange, guards: Guards) => void;

// biome-ignore format: the order and its reasons read as a table
export const PIPELINE: readonly Row[] = [
  authentication, // who asks: everything below depends on it
  // audit          would stand here: it must see refusals too
  impersonation,  // whom they act as; authorized as the real user, before anything is decided about the other one
  // priority and fairness would stand here: it sorts by user, and must not queue what is refused anyway
  authorization,  // may they: nothing of the body is read before
];
// What follows is the resource's own: decode → default → admit → validate → allocate → store (registry/create.ts, update.ts).

function authentication(exchange: Exchange, { authenticators }: Guards): void {
  exchange.user = authenticate(exchange.headers.authorization, authenticators);
}

function impersonation(exchange: Exchange, { authorizer }: Guards): void {
  const other = impersonatedUser(exchange.headers);
  if (!other) return;
  const attributes: Attributes = {
    ...attributesOf(exchange.info, exchange.user),
    verb: 'impersonate',
    isResource: true,
    group: '',
    resource: 'users',
    subresource: '',
    namespace: '',
    name: other.name,
  };
  authorize(attributes, authorizer);
  exchange.user = other;
}

function authorization({ info, user }: Exchange, { authorizer }: Guards): void {
  authorize(attributesOf(info, user), authorizer);
}

function authorize(attributes: Attributes, authorizer: Authorizer): void {
  const decision = authorizer(attributes);
  if (!decision.allowed) throw refusal(attributes, decision.reason);
}

function attributesOf(info: RequestInfo, user: User): Attributes {
  const { verb, isResource, group, resource, subresource, namespace, name, path } = info;
  return { user, verb, isResource, group, resource, subresource, namespace, name, path };
}

export function newExchange({ info, headers, body, response }: Omit<Exchange, 'user' | 'warnings'>): Exchange {
  return { info, headers, body, response, warnings: [], user: ANONYMOUS };
}
