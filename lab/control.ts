// How other commands talk to the lab that runs in a directory: HTTP on the unix socket `run/lab.sock`.
import { createServer, request, type Server } from 'node:http';
import { UsageError } from '../host/lifecycle.ts';
import type { ChildState } from './child.ts';
import type { Directory } from './directory.ts';

/** Relative, for a socket's address holds no more than 107 bytes: both ends work in `run/`. */
const SOCKET = 'lab.sock';

/** Pids as the lab counts. */
export interface LabStatus {
  readonly supervisorPid: number;
  readonly processes: readonly ChildState[];
}

export interface Control {
  status(): LabStatus;
  /** Each throws UsageError when there is no such node or nothing to do. */
  stopNode(name: string): Promise<void>;
  startNode(name: string): Promise<void>;
  /** Resolves with its name. */
  addNode(): Promise<string>;
  removeNode(name: string): Promise<void>;
}

/** Serves `control` until the returned server is closed. The caller's working directory must be `run/`. */
export async function serveControl(control: Control): Promise<Server> {
  const server = createServer((req, res) => {
    answer(control, `${req.method} ${req.url}`).then(
      (body) => res.end(JSON.stringify(body ?? {})),
      (error: Error) => {
        res.statusCode = error instanceof UsageError ? 400 : 500;
        res.end(JSON.stringify({ message: error.message }));
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(SOCKET, resolve);
  });
  return server;
}

async function answer(control: Control, asked: string): Promise<unknown> {
  if (asked === 'GET /status') return control.status();
  if (asked === 'POST /nodes/add') return { name: await control.addNode() };
  const [, verb, encoded = ''] = /^POST \/nodes\/(stop|start|remove)\/([^/]+)$/.exec(asked) ?? [];
  const name = decodeURIComponent(encoded);
  if (verb === 'stop') return control.stopNode(name);
  if (verb === 'start') return control.startNode(name);
  if (verb === 'remove') return control.removeNode(name);
  throw new UsageError(`no such request: ${asked}`);
}

/** Asks the lab of this directory; throws UsageError with what it answered when it refuses. */
export async function askLab<T>(directory: Directory, method: 'GET' | 'POST', path: string): Promise<T> {
  process.chdir(directory.run);
  return new Promise((resolve, reject) => {
    const req = request({ socketPath: SOCKET, method, path }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      res.on('end', () => {
        const body = JSON.parse(text) as T & { message?: string };
        if (res.statusCode === 200) resolve(body);
        else reject(new UsageError(body.message ?? text, 1));
      });
    });
    req.on('error', (error) => reject(new UsageError(`the lab does not answer: ${error.message}`, 1)));
    req.end();
  });
}
