// What two servers say to one request, and where they differ: the status code, then each cause of a refusal, or each field of the
// object that comes back. Fields that no two servers can share (uid, times, versions) are left out.
import type { AnyObject } from '../../api/object.ts';
import type { Status } from '../../api/status.ts';
import type { Connection } from '../../client/connection.ts';
import { ask } from '../harness/ask.ts';

const PATIENCE_MS = 20_000;

export interface Question {
  /** What is printed of it. */
  readonly name: string;
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly object: AnyObject;
  /** What our server gets, where each has named some of it (uids, volumes of tokens). */
  readonly ours?: AnyObject;
}

interface Answer {
  /** The code, and each cause by field and reason; or each field with its value. */
  readonly facts: readonly string[];
  /** The causes in full. */
  readonly words: readonly string[];
}

/** Same: nothing to tell. Words: the same fields are wrong in the same way, told in other words. */
export type Difference = { readonly kind: 'same' | 'words' | 'facts'; readonly lines: readonly string[] };

async function answer(server: Connection, { method, path, object }: Question): Promise<Answer> {
  const reply = await ask(server, { method, path, body: JSON.stringify(object), patienceMs: PATIENCE_MS });
  const said = JSON.parse(reply.text) as Status & AnyObject;
  if (reply.status < 400) return { facts: [`${reply.status}`, ...fieldsOf(withoutOwn(said), '')], words: [] };
  const causes = said.details?.causes ?? [];
  const facts = causes.map(({ field, reason }) => `${field}: ${reason}`).sort();
  return {
    facts: [`${reply.status}`, ...(facts.length > 0 ? facts : [`${said.message}`])],
    // Behind the first line, upstream prints differences of Go structs.
    words: causes.map(({ field, reason, message }) => `${field}: ${reason}: ${message?.split('\n')[0]}`).sort(),
  };
}

/**
 * Asks both, and tells lines with `-` for what only they say, `+` for what only we say. Upstream's validation panics on some objects
 * (a Job with a successPolicy and no completions): a question that it breaks off has nothing to be compared with.
 */
export async function compare(ours: Connection, theirs: Connection, question: Question): Promise<Difference> {
  const two = await answer(theirs, question).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') return undefined;
    throw error;
  });
  const one = await answer(ours, { ...question, object: question.ours ?? question.object });
  if (!two) return { kind: 'same', lines: [] };
  const facts = linesOf(one.facts, two.facts);
  if (facts.length > 0) return { kind: 'facts', lines: facts };
  const words = linesOf(one.words, two.words);
  return { kind: words.length > 0 ? 'words' : 'same', lines: words };
}

function linesOf(ours: readonly string[], theirs: readonly string[]): string[] {
  return [...minus(theirs, ours).map((line) => `  - ${line}`), ...minus(ours, theirs).map((line) => `  + ${line}`)];
}

/** As often as a line is said more. */
function minus(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const i = left.indexOf(line);
    if (i >= 0) left.splice(i, 1);
    return i < 0;
  });
}

/** When it happened, of what a create or an update writes. */
const TIME = /"20[2-9]\d-[^"]*Z"/;
const OWN = ['uid', 'resourceVersion', 'creationTimestamp', 'managedFields', 'selfLink'];

function withoutOwn(object: AnyObject): AnyObject {
  const metadata = Object.entries(object.metadata ?? {}).filter(([key]) => !OWN.includes(key));
  return { ...object, metadata: Object.fromEntries(metadata) as unknown as AnyObject['metadata'] };
}

/** The volume that admission gives a pod. */
const TOKENS = /kube-api-access-\w{5}/;
const UID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

function fieldsOf(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) {
    return [`${path} = ${JSON.stringify(value).replace(UID, 'UID').replace(TOKENS, 'TOKENS').replace(TIME, 'TIME')}`];
  }
  return Object.entries(value).flatMap(([key, inner]) => fieldsOf(inner, path ? `${path}.${key}` : key));
}
