// The API server under judgement: killed and started anew on the same data. Whoever talks to it takes what it is now.
import type { Connection } from '../../client/connection.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { type ServerProcess, startServerProcess } from '../harness/apiserver.ts';

export class MortalServer {
  readonly #dataDir: string;
  readonly #args: readonly string[];
  #process: ServerProcess | undefined;
  #connection: Connection | undefined;
  /** Aborts when the server that is there now ends. */
  #life = new AbortController();

  constructor(dataDir: string, args: readonly string[]) {
    this.#dataDir = dataDir;
    this.#args = args;
  }

  /** Undefined while there is none. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  get life(): AbortSignal {
    return this.#life.signal;
  }

  async start(): Promise<void> {
    this.#process = await startServerProcess({ dataDir: this.#dataDir, args: this.#args });
    this.#life = new AbortController();
    this.#connection = await loadKubeconfig(this.#process.kubeconfig);
  }

  /** Returns what is wrong with the way it ended. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<string | undefined> {
    const ending = this.#process!;
    this.#connection = undefined;
    this.#process = undefined;
    process.kill(ending.pid, signal);
    const code = await ending.exited;
    this.#life.abort();
    const said = ending.said();
    await ending.stop();
    if (signal === 'SIGTERM' && code !== 0) return `the server ended with ${code}: ${said}`;
    return undefined;
  }

  /** Resolves when there is a server, or `signal` aborts. */
  async untilThere(signal: AbortSignal): Promise<void> {
    while (!this.#connection && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
