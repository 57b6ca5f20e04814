// The way of every request, top to bottom. A row may refuse by throwing a StatusError, or answer at once.
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Authentication, authenticate } from '../authentication/authenticate.ts';
import type { Peer } from '../authentication/client-certificate.ts';
import { impersonatedUser } from '../authentication/impersonation.ts';
import { ANONYMOUS, type User } from '../authentication/user.ts';
import { type Attributes, type Authorizer, refusal } from '../authorization/authorizer.ts';
import type { Reply } from './reply.ts';
import type { RequestInfo } from './request-info.ts';

/** A request as it came. */
export interface Received {
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly reply: Reply;
  /** The connection, where the client wants to use it otherwise; what it has sent already can be read from it. */
  readonly upgrade?: { readonly socket: Duplex };
  /** The client's certificate, when it has shown one. */
  readonly peer?: Peer;
}

/** One request on its way. */
export class Exchange {
  readonly info: RequestInfo;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly reply: Reply;
  readonly url: string;
  readonly upgrade: Received['upgrade'];
  readonly peer: Received['peer'];
  readonly warnings: string[] = [];
  /** Set by authentication, replaced by impersonation. */
  user: User = ANONYMOUS;

  constructor(received: Received, info: RequestInfo) {
    this.info = info;
    this.headers = received.headers;
    this.body = received.body;
    this.reply = received.reply;
    this.url = received.url;
    this.upgrade = received.upgrade;
    this.peer = received.peer;
  }

  get wantsWebSocket(): boolean {
    return this.upgrade !== undefined && this.headers.upgrade?.toLowerCase() === 'websocket';
  }

  /** For answers that come in pieces; a whole one goes through `reply.send`. */
  get response(): ServerResponse {
    return this.reply.response;
  }

  /** The client's address; empty on a unix socket. */
  get client(): string {
    return this.reply.client;
  }
}

export interface Guards {
  readonly authentication: Authentication;
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

function authentication(exchange: Exchange, guards: Guards): void {
  const { headers, peer } = exchange;
  exchange.user = authenticate({ authorization: headers.authorization, peer }, guards.authentication);
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

export function attributesOf(info: RequestInfo, user: User): Attributes {
  const { verb, isResource, group, resource, subresource, namespace, name, path } = info;
  return { user, verb, isResource, group, resource, subresource, namespace, name, path };
}
