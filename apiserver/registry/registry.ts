// What every verb works with, and what every verb takes and gives: the generic registry that serves each Kind.
import type { IncomingHttpHeaders } from 'node:http';
import type { Catalogue } from '../../api/catalogue.ts';
import type { Kind, WriteContext } from '../../api/kind.ts';
import type { AnyObject, ListMeta } from '../../api/object.ts';
import { type Clock, rfc3339 } from '../../host/clock.ts';
import type { ServiceAllocator } from '../allocators/services.ts';
import type { Authentication } from '../authentication/authenticate.ts';
import type { TokenIssuer } from '../authentication/service-account-tokens.ts';
import type { User } from '../authentication/user.ts';
import type { Authorizer } from '../authorization/authorizer.ts';
import type { Store } from '../storage/store.ts';
import type { Feeds } from '../watch/feed.ts';

export interface Registry {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly feeds: Feeds;
  readonly clock: Clock;
  readonly services: ServiceAllocator;
  readonly admission: readonly Admission[];
  readonly authorizer: Authorizer;
  readonly tokens: TokenIssuer;
  readonly authentication: Authentication;
}

/** What the cluster adds to an object or refuses, between decoding and validation. */
export interface Admission {
  readonly name: string;
  /** May change `object` in place; `old` is absent on create. Throws StatusError to refuse. */
  admit?(registry: Registry, call: Call, object: AnyObject, old: AnyObject | undefined): void | Promise<void>;
  /** Throws StatusError to refuse the deletion of what `call` names. */
  admitDelete?(registry: Registry, call: Call): void;
}

/** One request for a resource, as the verbs see it. */
export interface Call {
  readonly kind: Kind;
  readonly verb: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The bytes the client sent. */
  readonly body: Buffer;
  readonly user: User;
  /** Collects `Warning:` headers. */
  warn(message: string): void;
}

/** What a verb answers; how it is written on the wire is the HTTP edge's to decide. */
export type Answer =
  /** An object as the store has it. */
  | { readonly type: 'stored'; readonly status: number; readonly value: Buffer }
  /** An object of the call's kind that is not (or not yet) stored. */
  | { readonly type: 'object'; readonly status: number; readonly object: AnyObject }
  /** Something of another kind: Status, Scale, TokenRequest. */
  | { readonly type: 'other'; readonly status: number; readonly object: object; readonly shown?: Shown }
  | { readonly type: 'list'; readonly items: readonly Buffer[]; readonly metadata: ListMeta }
  | { readonly type: 'watch'; readonly watch: WatchAnswer };

/** How a Table shows it. */
export type Shown = Pick<Kind, 'columns' | 'rules'>;

export interface WatchAnswer {
  /** ms until the server ends the watch. */
  readonly timeoutMs: number;
  /** Tells the initial state, then what changes. Resolves when the initial state has been told. */
  start(sink: WatchSink): Promise<() => void>;
}

/** Where a watch's events go; the HTTP edge renders them. */
export interface WatchSink {
  /** An object of the initial state. */
  initial(value: Buffer): void;
  event(event: import('../watch/event.ts').FeedEvent, type: import('../watch/event.ts').EventType): void;
  /** `revision` is what the watcher has seen everything up to. */
  bookmark(revision: number, annotations?: Record<string, string>): void;
}

export type Handler = (registry: Registry, call: Call) => Promise<Answer>;

/** Of creates and updates; deletions have options of their own. */
export function isDryRun(call: Call): boolean {
  return call.query.get('dryRun') === 'All';
}

/** Who makes this call, and when, as a kind's rules are told. */
export function writeOf({ clock }: Registry, { user }: Call): WriteContext {
  return { user, now: rfc3339(clock.now()) };
}
