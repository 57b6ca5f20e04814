// The waist of the client room: what a program asks of a Kubernetes API server. `rest.ts` implements it over HTTPS.
import type { KubeList, KubeObject } from '../api/object.ts';

/** A resource as its path names it. `T` is the type of its objects. */
export interface Resource<T extends KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Ask the server for each object's metadata only: what the garbage collector caches of everything. */
  readonly representation?: 'PartialObjectMetadata';
  /** Never set; carries the type. */
  readonly type?: T;
}

/** The server could not be reached, broke the connection, or did not answer in time. Whether a write happened is unknown. */
export class ConnectionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConnectionError';
  }
}

export interface Selection {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface ListQuery extends Selection {
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  /** Gives the request up: rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface WatchQuery extends Selection {
  resourceVersion: string;
  /** The server ends the watch after this many seconds; a server silent for longer than that counts as lost. */
  timeoutSeconds?: number;
  /** Ends the iteration without an error. */
  signal: AbortSignal;
}

export type WatchEvent<T extends KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: T }
  /** `object` is a metav1.Status, such as 410 Expired. */
  | { type: 'ERROR'; object: { code?: number; reason?: string; message?: string } };

export interface Named {
  name: string;
  namespace?: string;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** Every call rejects with StatusError (api/status.ts) when the server refuses, and with ConnectionError when it cannot be reached. */
export interface Client {
  get<T extends KubeObject>(resource: Resource<T>, at: Named): Promise<T>;
  list<T extends KubeObject>(resource: Resource<T>, query?: ListQuery): Promise<KubeList<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, subresource?: string): Promise<T>;
  update<T extends KubeObject>(resource: Resource<T>, object: T, subresource?: string): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    at: Named,
    patch: unknown,
    options?: { type?: 'merge' | 'strategic' | 'json'; subresource?: string },
  ): Promise<T>;
  delete<T extends KubeObject>(resource: Resource<T>, at: Named, options?: DeleteOptions): Promise<void>;
  deleteCollection<T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection,
    options?: DeleteOptions,
  ): Promise<void>;
  /** GETs what is no resource: `/apis`, `/version`. `accept` defaults to JSON. */
  read<T>(path: string, accept?: string): Promise<T>;
  /** Yields events until the server ends the watch (returns), `signal` aborts (returns) or the connection breaks (throws). */
  watch<T extends KubeObject>(resource: Resource<T>, query: WatchQuery): AsyncIterable<WatchEvent<T>>;
  /** Ends idle connections. */
  close(): Promise<void>;
}
