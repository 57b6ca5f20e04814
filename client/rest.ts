// The Client over HTTPS: any Kubernetes API server, the real one too.
import type { IncomingMessage } from 'node:http';
import { apiVersionOf, type KubeList, type KubeObject } from '../api/object.ts';
import { type Status, StatusError } from '../api/status.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import {
  type Client,
  ConnectionError,
  type DeleteOptions,
  type ListQuery,
  type Named,
  type Resource,
  type Selection,
  type WatchEvent,
  type WatchQuery,
} from './client.ts';
import type { Connection } from './connection.ts';
import { parseLines } from './lines.ts';
import { collectionPath, objectPath, queryOf, selectors } from './paths.ts';
import { type Exchange, readBody, Transport } from './transport.ts';

/** One answer of the server's, for a program's numbers. */
export interface Answered {
  readonly method: string;
  /** `<error>`: there was none. */
  readonly code: number | '<error>';
  /** From the request to the answer's headers. */
  readonly seconds: number;
}

export interface RestOptions {
  /** Names the program to the server, and its writes in managedFields (up to the first `/`). */
  userAgent: string;
  /** ms a request may take; watches aside. Default 30,000. */
  timeoutMs?: number;
  clock?: Clock;
  /** Hears of every answer, retried requests' too. */
  onAnswer?: (answered: Answered) => void;
}

const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
} as const;

/** A server that is too busy is asked again this often, waiting as it says but never longer than the limit. */
const BUSY_RETRIES = 5;
const BUSY_WAIT_LIMIT_MS = 5_000;
/** How long past its announced end a watch may stay silent. */
const WATCH_SLACK_MS = 10_000;

export class RestClient implements Client {
  readonly #transport: Transport;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #onAnswer: RestOptions['onAnswer'];

  constructor(connection: Connection, options: RestOptions) {
    this.#transport = new Transport(connection, options.userAgent);
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#clock = options.clock ?? systemClock;
    this.#onAnswer = options.onAnswer;
  }

  get<T extends KubeObject>(resource: Resource<T>, at: Named): Promise<T> {
    return this.#json<T>({ method: 'GET', path: objectPath(resource, at), accept: acceptOf(resource, '') });
  }

  async list<T extends KubeObject>(resource: Resource<T>, query: ListQuery = {}): Promise<KubeList<T>> {
    const { namespace, limit, continue: token, resourceVersion, signal } = query;
    const asked = queryOf({ ...selectors(query), limit, continue: token, resourceVersion });
    const path = collectionPath(resource, namespace) + asked;
    const list = await this.#json<KubeList<T>>({ method: 'GET', path, accept: acceptOf(resource, 'List'), signal });
    list.items ??= [];
    for (const item of list.items) nameKind(resource, item); // lists leave out what every item shares; watches don't
    return list;
  }

  create<T extends KubeObject>(resource: Resource<T>, object: T, subresource?: string): Promise<T> {
    const { metadata } = object;
    const path = subresource
      ? objectPath(resource, metadata, subresource)
      : collectionPath(resource, needNamespace(resource, object));
    return this.#json<T>({ method: 'POST', path, ...jsonBody(withKind(resource, object)) });
  }

  update<T extends KubeObject>(resource: Resource<T>, object: T, subresource?: string): Promise<T> {
    const path = objectPath(resource, object.metadata, subresource);
    return this.#json<T>({ method: 'PUT', path, ...jsonBody(withKind(resource, object)) });
  }

  patch<T extends KubeObject>(
    resource: Resource<T>,
    at: Named,
    patch: unknown,
    options: { type?: 'merge' | 'strategic' | 'json'; subresource?: string } = {},
  ): Promise<T> {
    const { type = 'merge', subresource } = options;
    const path = objectPath(resource, at, subresource);
    const accept = acceptOf(resource, '');
    return this.#json<T>({ method: 'PATCH', path, ...jsonBody(patch, PATCH_TYPES[type]), accept });
  }

  async delete<T extends KubeObject>(resource: Resource<T>, at: Named, options?: DeleteOptions): Promise<void> {
    await this.#json({ method: 'DELETE', path: objectPath(resource, at), ...deleteBody(options) });
  }

  async deleteCollection<T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection,
    options?: DeleteOptions,
  ): Promise<void> {
    const path = collectionPath(resource, selection.namespace) + queryOf(selectors(selection));
    await this.#json({ method: 'DELETE', path, ...deleteBody(options) });
  }

  read<T>(path: string, accept = 'application/json'): Promise<T> {
    return this.#json<T>({ method: 'GET', path, accept });
  }

  async *watch<T extends KubeObject>(resource: Resource<T>, query: WatchQuery): AsyncGenerator<WatchEvent<T>> {
    const { namespace, resourceVersion, timeoutSeconds, signal } = query;
    const asked = { watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds, ...selectors(query) };
    const path = collectionPath(resource, namespace) + queryOf(asked);
    let response: IncomingMessage | undefined;
    let silence: NodeJS.Timeout | undefined;
    try {
      response = await this.#exchange({ method: 'GET', path, accept: acceptOf(resource, ''), signal });
      if (timeoutSeconds) {
        const lost = new Error(`watch ${path} outlived its ${timeoutSeconds} s: the server is gone`);
        silence = setTimeout(() => response?.destroy(lost), timeoutSeconds * 1000 + WATCH_SLACK_MS);
        silence.unref();
      }
      yield* parseLines<WatchEvent<T>>(response);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof StatusError || error instanceof ConnectionError) throw error;
      throw new ConnectionError(`watch ${path}: ${(error as Error).message}`, { cause: error });
    } finally {
      clearTimeout(silence);
      response?.destroy();
    }
  }

  close(): Promise<void> {
    this.#transport.close();
    return Promise.resolve();
  }

  async #json<T>(exchange: Ask): Promise<T> {
    const response = await this.#exchange(exchange);
    const text = await readBody(response, this.#timeoutMs);
    return (text === '' ? {} : JSON.parse(text)) as T;
  }

  /** Resolves with a successful response, its body unread. Waits and asks again while the server says it is too busy. */
  async #exchange(exchange: Ask): Promise<IncomingMessage> {
    for (let attempt = 0; ; attempt++) {
      const response = await this.#send({ accept: 'application/json', timeoutMs: this.#timeoutMs, ...exchange });
      if (response.statusCode! < 300) return response;
      const failure = statusErrorOf(response.statusCode!, await readBody(response, this.#timeoutMs));
      const waitMs = Number(response.headers['retry-after']) * 1000;
      const busy = response.statusCode === 429 || response.statusCode === 503;
      if (!busy || !(waitMs >= 0) || attempt === BUSY_RETRIES) throw failure;
      await this.#clock.sleep(Math.min(waitMs, BUSY_WAIT_LIMIT_MS), exchange.signal);
    }
  }

  async #send(exchange: Exchange): Promise<IncomingMessage> {
    const began = performance.now();
    let code: Answered['code'] = '<error>';
    try {
      const response = await this.#transport.send(exchange);
      code = response.statusCode!;
      return response;
    } finally {
      this.#onAnswer?.({ method: exchange.method, code, seconds: (performance.now() - began) / 1000 });
    }
  }
}

type Ask = Omit<Exchange, 'accept' | 'timeoutMs'> & { accept?: string };

function jsonBody(value: unknown, contentType = 'application/json'): { body: string; contentType: string } {
  return { body: JSON.stringify(value), contentType };
}

function deleteBody(options: DeleteOptions | undefined): { body?: string; contentType?: string } {
  return options ? jsonBody({ kind: 'DeleteOptions', apiVersion: 'v1', ...options }) : {};
}

function acceptOf<T extends KubeObject>({ representation }: Resource<T>, suffix: '' | 'List'): string {
  if (!representation) return 'application/json';
  return `application/json;as=${representation}${suffix};g=meta.k8s.io;v=v1,application/json`;
}

function nameKind<T extends KubeObject>(resource: Resource<T>, object: T): void {
  object.kind ??= resource.kind;
  object.apiVersion ??= apiVersionOf(resource.group, resource.version);
}

function withKind<T extends KubeObject>(resource: Resource<T>, object: T): T {
  const named = { ...object };
  nameKind(resource, named);
  return named;
}

function needNamespace<T extends KubeObject>(resource: Resource<T>, object: T): string | undefined {
  if (resource.namespaced && !object.metadata.namespace) throw new TypeError(`a ${resource.kind} needs a namespace`);
  return object.metadata.namespace;
}

/** What the server said, as the error it threw; anything but a Status (a proxy's page, say) becomes one. */
function statusErrorOf(code: number, body: string): StatusError {
  let status: Partial<Status> = {};
  try {
    status = JSON.parse(body) as Partial<Status>;
  } catch {
    status = { message: body.slice(0, 500) }; // not JSON: its text is all there is to report
  }
  const message = status.message || `the server answered with HTTP status ${code}`;
  return new StatusError(status.code ?? code, status.reason ?? 'Unknown', message, status.details);
}
