// Sends made requests to a server and judges the answers: none may be an error of the server's own, late, or the last one.
import type { Connection } from '../../client/connection.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { startServerProcess } from '../harness/apiserver.ts';
import { ask, type Reply } from '../harness/ask.ts';
import { Random } from '../harness/random.ts';
import { type Document, endpointsOf, type MadeRequest, RequestMaker } from './request-maker.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  readonly onProblem?: (problem: string) => void;
  readonly signal: AbortSignal;
}

export interface FuzzResult {
  readonly problems: readonly string[];
  /** How many answers there were of each status code. */
  readonly statuses: Readonly<Record<number, number>>;
}

const SENDERS = 6;
/** ms an answer may take. */
const PATIENCE_MS = 10_000;
const MAX_PROBLEMS = 30;

/** What upstream answers with a 5xx, too: bad versions, what cannot be applied or bound, nobody behind a proxy, several budgets. */
const UPSTREAMS_OWN = [
  /strconv\.ParseUint/,
  /^resourceVersion should not be set on objects to be created$/,
  /^Timeout: Too large resource version/,
  /^failed to create typed patch object /,
  /^map: map\[.* does not contain declared merge key: /,
  /^\[?target\.(name|kind): /,
  /^error dialing backend: /,
  /^no preferred addresses found; known addresses: \[\]$/,
  /^error trying to reach service: /,
  /^no endpoints available for service /,
  /^This pod has more than one PodDisruptionBudget/,
];

export async function judgeRequests({ seed, requests, onProblem, signal }: FuzzOptions): Promise<FuzzResult> {
  const server = await startServerProcess();
  const problems: string[] = [];
  const statuses: Record<number, number> = {};
  const report = (problem: string): void => {
    problems.push(problem);
    onProblem?.(problem);
  };
  let isGone = false;
  const gone = server.exited.then(() => {
    isGone = true;
  });
  try {
    const connection = await loadKubeconfig(server.kubeconfig);
    const documents = await readDocuments(connection);
    const maker = new RequestMaker(documents.flatMap(endpointsOf), new Random(seed));
    let left = requests;
    const send = async (): Promise<void> => {
      while (left-- > 0 && !signal.aborted && !isGone && problems.length < MAX_PROBLEMS) {
        const made = maker.make();
        const problem = await judge(connection, made, statuses);
        if (problem) report(problem);
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, send));
    if (isGone) report(`the server is gone: ${server.said()}`);
    return { problems, statuses };
  } finally {
    await server.stop();
    await gone;
  }
}

/** Also the groups that are only there for their documents. */
async function readDocuments(connection: Connection): Promise<Document[]> {
  const read = async <T>(path: string): Promise<T> => {
    const { status, text } = await ask(connection, { method: 'GET', path, patienceMs: 20_000 });
    if (status !== 200) throw new Error(`GET ${path}: ${status}`);
    return JSON.parse(text) as T;
  };
  const { paths } = await read<{ paths: Record<string, { serverRelativeURL: string }> }>('/openapi/v3');
  return Promise.all(Object.values(paths).map(({ serverRelativeURL }) => read<Document>(serverRelativeURL)));
}

async function judge(
  connection: Connection,
  made: MadeRequest,
  statuses: Record<number, number>,
): Promise<string | undefined> {
  const { method, path, body, contentType } = made;
  let reply: Reply;
  try {
    const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType };
    reply = await ask(connection, { method, path, body, headers, patienceMs: PATIENCE_MS });
  } catch (error) {
    return `${describe(made)}\n  ${(error as Error).message}`;
  }
  statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
  if (reply.status < 500 || method === 'HEAD') return undefined;
  const message = messageIn(reply.text);
  if (UPSTREAMS_OWN.some((known) => known.test(message))) return undefined;
  return `${describe(made)}\n  ${reply.status} ${message}`;
}

function messageIn(text: string): string {
  try {
    return `${(JSON.parse(text) as { message?: string }).message}`;
  } catch {
    return text;
  }
}

/** As a command line says it. */
function describe({ method, path, body, contentType }: MadeRequest): string {
  const sent = body === undefined ? '' : ` -H 'Content-Type: ${contentType}' -d '${body.toString().slice(0, 1000)}'`;
  return `-X ${method} '${path}'${sent}`;
}
