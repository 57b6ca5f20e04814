// One watch on the wire, line by line, without any client library between.

import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Connection } from '../../client/connection.ts';
import type { Seen } from './history.ts';
import { CONFIGMAPS } from './writer.ts';

interface Line {
  readonly type: string;
  readonly object: {
    readonly code?: number;
    readonly metadata: {
      readonly name: string;
      readonly resourceVersion: string;
      readonly labels?: Record<string, string>;
      readonly annotations?: Record<string, string>;
    };
    readonly data?: Record<string, string>;
  };
}

export type StreamEvent =
  | { readonly type: 'event'; readonly event: Seen }
  | { readonly type: 'bookmark'; readonly revision: number; readonly endsInitial: boolean }
  /** The watch was refused, or failed after it had begun. */
  | { readonly type: 'error'; readonly code: number };

export interface StreamOptions {
  /** After the path's `?watch=true`. */
  readonly query: string;
  readonly signal: AbortSignal;
  /** Awaited before the next line is read: a slow reader is slow here. */
  readonly beforeReading?: () => Promise<void>;
}

/** Yields until the server ends the watch, the connection breaks, or `signal` aborts; none of these is an error. */
export async function* watchStream(connection: Connection, options: StreamOptions): AsyncGenerator<StreamEvent> {
  const response = await open(connection, options).catch(() => undefined);
  if (!response) return;
  if (response.statusCode !== 200) {
    response.resume();
    yield { type: 'error', code: response.statusCode! };
    return;
  }
  response.on('error', () => {}); // broken off: the lines end
  for await (const text of lines(response)) {
    yield eventOf(JSON.parse(text) as Line);
    if (options.signal.aborted) return;
    await options.beforeReading?.();
  }
}

async function* lines(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      const whole = (rest + chunk).split('\n');
      rest = whole.pop()!; // the last line of a broken connection is no line
      yield* whole;
    }
  } catch {
    // Broken off: what came until then stands.
  }
}

function open({ server, ca, token }: Connection, { query, signal }: StreamOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    // A connection of its own, since it may be left unread.
    const sent = request(`${server}${CONFIGMAPS}?watch=true${query}`, { ca, headers, signal, agent: false }, resolve);
    sent.on('error', reject);
    sent.end();
  });
}

function eventOf({ type, object }: Line): StreamEvent {
  if (type === 'ERROR') return { type: 'error', code: object.code! };
  const { metadata, data } = object;
  const revision = Number(metadata.resourceVersion);
  if (type === 'BOOKMARK') {
    return { type: 'bookmark', revision, endsInitial: metadata.annotations?.['k8s.io/initial-events-end'] === 'true' };
  }
  const event = { type: type as Seen['type'], revision, name: metadata.name, color: metadata.labels?.color ?? '' };
  return { type: 'event', event: { ...event, value: data?.value ?? '' } };
}
