// A writer of ConfigMaps: creates, replaces, patches and deletes those that are its own, at random, and tells the history what it
// was promised. After a crash it looks at what is there.
import type { Connection } from '../../client/connection.ts';
import { ask, type Reply } from '../harness/ask.ts';
import type { Random } from '../harness/random.ts';
import type { History } from './history.ts';
import type { MortalServer } from './server.ts';

export const CONFIGMAPS = '/api/v1/namespaces/default/configmaps';
export const COLORS = ['red', 'green', 'blue'];
const PATIENCE_MS = 20_000;
/** Bytes of filling that some objects have, so that a reader who sleeps falls behind. */
const FILLING = 20_000;

interface Own {
  readonly name: string;
  /** Of its last write; 0: it is not there; undefined: not known. */
  revision: number | undefined;
}

export interface WriterOptions {
  readonly id: number;
  readonly server: MortalServer;
  readonly history: History;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** Writes until `signal` aborts. Rejects when an answer makes no sense. */
export async function write({ id, server, history, random, signal }: WriterOptions): Promise<void> {
  const own: Own[] = Array.from({ length: 5 }, (_, number) => ({ name: `writer-${id}-${number}`, revision: 0 }));
  for (let number = 0; !signal.aborted; number++) {
    await server.untilThere(signal);
    const { connection } = server;
    if (!connection) continue;
    const one = random.one(own);
    try {
      if (one.revision === undefined) one.revision = await look(connection, one.name);
      if (one.revision === undefined) continue;
      await step(connection, one, { value: `${id}.${number}`, history, random });
    } catch (error) {
      // The server was killed: what it did of this, nobody knows.
      one.revision = undefined;
      if (server.connection === connection && !signal.aborted)
        throw new Error(`writing ${one.name}: ${(error as Error).message}`);
    }
  }
}

/** The revision of the object's last write, 0 when it is not there. */
async function look(connection: Connection, name: string): Promise<number> {
  const { status, text } = await ask(connection, {
    method: 'GET',
    path: `${CONFIGMAPS}/${name}`,
    patienceMs: PATIENCE_MS,
  });
  if (status === 404) return 0;
  if (status !== 200) throw new Error(`GET ${name}: ${status} ${text}`);
  return revisionOf(text);
}

interface Step {
  readonly value: string;
  readonly history: History;
  readonly random: Random;
}

async function step(connection: Connection, one: Own, { value, history, random }: Step): Promise<void> {
  if (one.revision && random.chance(0.2)) return remove(connection, one, history);
  const filling = random.chance(0.2) ? 'x'.repeat(FILLING) : '';
  const data = { value, filling };
  const metadata = { name: one.name, labels: { color: random.one(COLORS) } };
  const [method, path] = one.revision
    ? [random.one(['PUT', 'PATCH']), `${CONFIGMAPS}/${one.name}`]
    : ['POST', CONFIGMAPS];
  history.wrote(value, { fate: 'unknown' });
  const { status, text } = await ask(connection, {
    method,
    path,
    body: JSON.stringify({ metadata, data }),
    headers: method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {},
    patienceMs: PATIENCE_MS,
  });
  if (status !== 200 && status !== 201) {
    history.wrote(value, { fate: 'refused' });
    throw new Error(`${method} ${one.name}: ${status} ${text}`);
  }
  one.revision = revisionOf(text);
  history.wrote(value, { fate: 'acknowledged', revision: one.revision });
}

async function remove(connection: Connection, one: Own, history: History): Promise<void> {
  const { status, text }: Reply = await ask(connection, {
    method: 'DELETE',
    path: `${CONFIGMAPS}/${one.name}`,
    patienceMs: PATIENCE_MS,
  });
  if (status !== 200) throw new Error(`DELETE ${one.name}: ${status} ${text}`);
  history.deleted(one.name, one.revision!);
  one.revision = 0;
}

function revisionOf(text: string): number {
  return Number((JSON.parse(text) as { metadata: { resourceVersion: string } }).metadata.resourceVersion);
}
