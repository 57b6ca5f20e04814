// The runtime that runs containers as processes of this machine, each in mount, pid, uts and ipc namespaces of its own and in
// its pod's network namespace. One shim per container (shim.ts) does the work; what it leaves in files is the truth.
import { mkdirSync, watch, writeFileSync } from 'node:fs';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { type Clock, systemClock } from '../../host/clock.ts';
import { resolveImage } from '../images/catalog.ts';
import type { Image, ImageContents } from '../images/image.ts';
import {
  type ContainerSpec,
  type ContainerState,
  type PulledImage,
  type Runtime,
  type Sandbox,
  StartError,
} from '../runtime.ts';
import { rootOrders } from './container-root.ts';
import { readContainerLog } from './log-reader.ts';
import { encodeOrders, type Order } from './orders.ts';
import { SHIM } from './shim.ts';
import { runShim, startShim } from './shim-client.ts';
import {
  type ExitFile,
  isAlive,
  parseExitFile,
  parseRunFile,
  type RunFile,
  readIfThere,
  renderExitFile,
} from './state-files.ts';

export interface ProcessRuntimeOptions {
  /** Absolute path of a folder of this runtime's own. */
  readonly directory: string;
  /** Bytes after which a container's log starts anew (one old part is kept). Default 10 MiB, as the kubelet's. */
  readonly logSize?: number;
  readonly clock?: Clock;
}

interface Container {
  readonly run: RunFile;
  state: ContainerState;
  readonly ended: Promise<void>;
  end(): void;
}

/** ms between looks at whether shims live: only for one that was killed before it could write how its container ended. */
const SWEEP_MS = 500;

export class ProcessRuntime implements Runtime {
  readonly #directory: string;
  readonly #logSize: number;
  readonly #clock: Clock;
  readonly #containers = new Map<string, Container>();
  /** By image name: prepared once. */
  readonly #contents = new Map<string, Promise<ImageContents>>();
  readonly #listeners = new Set<(state: ContainerState) => void>();

  private constructor(options: ProcessRuntimeOptions) {
    this.#directory = options.directory;
    this.#logSize = options.logSize ?? 10 * 1024 * 1024;
    this.#clock = options.clock ?? systemClock;
  }

  /** Makes the folders it needs and finds the containers an earlier agent left, running or ended. */
  static async open(options: ProcessRuntimeOptions): Promise<ProcessRuntime> {
    const runtime = new ProcessRuntime(options);
    for (const folder of ['containers', 'images', 'root']) {
      mkdirSync(`${options.directory}/${folder}`, { recursive: true });
    }
    const made = `${runtime.#shim}.${process.pid}`;
    await writeFile(made, SHIM, { mode: 0o755 });
    await rename(made, runtime.#shim);
    await runtime.#adopt();
    return runtime;
  }

  /** Hears of containers that end, until `signal` aborts. Without it nothing is noticed. */
  async run(signal: AbortSignal): Promise<void> {
    const watcher = watch(`${this.#directory}/containers`, (_event, file) => {
      if (file?.endsWith('.exit')) this.#collect(file.slice(0, -'.exit'.length));
    });
    watcher.on('error', () => {}); // the sweep below still notices
    try {
      while (!signal.aborted) {
        for (const [id, container] of this.#containers) if (container.state.running) this.#look(id, container);
        await this.#clock.sleep(SWEEP_MS, signal).catch(() => {});
      }
    } finally {
      watcher.close();
    }
  }

  async pull(reference: string): Promise<PulledImage> {
    const { id, notice, image } = resolveImage(reference);
    await this.#contentsOf(image);
    return { id, notice };
  }

  async start(sandbox: Sandbox, spec: ContainerSpec): Promise<ContainerState> {
    const { image } = resolveImage(spec.image);
    const argv = image.command(spec);
    if (argv.length === 0) throw new StartError('no command specified');
    const log = `${sandbox.directory}/${spec.name}/${spec.attempt}.log`;
    mkdirSync(`${sandbox.directory}/${spec.name}`, { recursive: true });
    const env = { ...image.env, HOSTNAME: sandbox.hostname, ...spec.env };
    const orders = encodeOrders([
      ['state', this.#path(spec.id)],
      ['log', log],
      ['logsize', `${this.#logSize}`],
      ['root', `${this.#directory}/root`],
      ['hostname', sandbox.hostname],
      ...(image.announces && !spec.command ? [['announces', '1'] as const] : []),
      ...(sandbox.netns ? [['netns', sandbox.netns] as const] : []),
      ...(spec.workingDir ? [['workdir', spec.workingDir] as const] : []),
      ...rootOrders(await this.#contentsOf(image), sandbox),
      ...Object.entries(env).map(([name, value]): Order => ['env', name, value]),
      ...argv.map((word): Order => ['arg', word]),
    ]);
    await startShim(this.#shim, orders, () => this.#collect(spec.id));
    return this.#enrol(spec.id)?.state ?? fail(`container ${spec.id} left no trace`);
  }

  async stop(id: string, graceSeconds: number): Promise<ContainerState | undefined> {
    const container = this.#containers.get(id);
    if (!container?.state.running) return container?.state;
    this.#signal(container, graceSeconds > 0 ? 'SIGTERM' : 'SIGKILL');
    const timer = setTimeout(() => this.#signal(container, 'SIGKILL'), graceSeconds * 1000);
    timer.unref(); // an agent that ends meanwhile leaves the rest to the next one
    await container.ended;
    clearTimeout(timer);
    return container.state;
  }

  async remove(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    if (container.state.running) throw new Error(`container ${id} is running`);
    this.#containers.delete(id);
    const log = container.run.log;
    for (const file of [`${this.#path(id)}.run`, `${this.#path(id)}.exit`, log, `${log}.1`])
      await rm(file, { force: true });
  }

  status(id: string): ContainerState | undefined {
    return this.#containers.get(id)?.state;
  }

  list(): ContainerState[] {
    return [...this.#containers.values()].map(({ state }) => state);
  }

  onExit(exited: (state: ContainerState) => void): () => void {
    this.#listeners.add(exited);
    return () => this.#listeners.delete(exited);
  }

  async exec(
    id: string,
    command: readonly string[],
    { timeoutMs }: { timeoutMs: number },
  ): Promise<{ exitCode: number; output: string }> {
    const container = this.#containers.get(id);
    if (!container?.state.running) throw new Error(`container ${id} is not running`);
    const { pid } = container.state;
    const environ = readIfThere(`/proc/${pid}/environ`) ?? '';
    const orders = encodeOrders([
      ['pid', `${pid}`],
      ['timeout', `${Math.max(1, Math.round(timeoutMs))}`],
      ...environ
        .split('\0')
        .filter((line) => line.includes('='))
        .map((line): Order => ['env', line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      ...command.map((word): Order => ['arg', word]),
    ]);
    return runShim(this.#shim, orders);
  }

  logs(id: string, options: { follow: boolean; signal?: AbortSignal }): Readable {
    const container = this.#containers.get(id);
    if (!container) throw new Error(`no container ${id}`);
    return readContainerLog(container.run.log, { ...options, isRunning: () => container.state.running });
  }

  #contentsOf(image: Image): Promise<ImageContents> {
    let contents = this.#contents.get(image.name);
    if (!contents) {
      contents = image.contents(this.#directory);
      contents.catch(() => this.#contents.delete(image.name)); // what was missing may be installed meanwhile
      this.#contents.set(image.name, contents);
    }
    return contents;
  }

  get #shim(): string {
    return `${this.#directory}/shim.pl`;
  }

  #path(id: string): string {
    return `${this.#directory}/containers/${id}`;
  }

  async #adopt(): Promise<void> {
    for (const file of await readdir(`${this.#directory}/containers`)) {
      if (!file.endsWith('.run')) continue;
      const id = file.slice(0, -'.run'.length);
      const deadline = this.#clock.now() + 2000;
      let container = this.#enrol(id);
      // A shim that is about to start its container: an agent was killed at that very moment.
      while (!container && this.#isStarting(id) && this.#clock.now() < deadline) {
        await this.#clock.sleep(10);
        container = this.#enrol(id);
      }
      if (!container) await rm(`${this.#path(id)}.run`, { force: true });
    }
  }

  #isStarting(id: string): boolean {
    const run = parseRunFile(readIfThere(`${this.#path(id)}.run`) ?? '');
    return run !== undefined && isAlive(run.shim);
  }

  /** Takes a container into the books from its files; undefined while (or when) it has not started. */
  #enrol(id: string): Container | undefined {
    const known = this.#containers.get(id);
    if (known) return known;
    const run = parseRunFile(readIfThere(`${this.#path(id)}.run`) ?? '');
    if (!run?.init) return undefined;
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const state: ContainerState = { id, running: true, pid: run.init.pid, startedAt: run.startedAt };
    const container: Container = { run, state, ended, end };
    this.#containers.set(id, container);
    this.#look(id, container);
    return container;
  }

  /** Notices an end that nobody told us of: before we were here, or because the shim itself was killed. */
  #look(id: string, container: Container): void {
    if (!isAlive(container.run.shim) || readIfThere(`${this.#path(id)}.exit`) !== undefined) this.#collect(id);
  }

  #collect(id: string): void {
    const container = this.#containers.get(id);
    if (!container?.state.running) return;
    const text = readIfThere(`${this.#path(id)}.exit`);
    if (text === undefined && isAlive(container.run.shim)) return;
    const exit = text === undefined ? this.#presumeKilled(id) : parseExitFile(text);
    container.state = { ...container.state, running: false, ...exit };
    container.end();
    for (const listener of this.#listeners) listener(container.state);
  }

  /** Without its shim a container was killed by the kernel; what we presume is written down, so that it stays true. */
  #presumeKilled(id: string): ExitFile {
    const exit = { exitCode: 137, signal: 9, finishedAt: this.#clock.now() };
    writeFileSync(`${this.#path(id)}.exit`, renderExitFile(exit));
    return exit;
  }

  /** Only ever to the process that was started, never to another that got its pid. */
  #signal({ run }: Container, signal: NodeJS.Signals): void {
    if (!run.init || !isAlive(run.init)) return;
    try {
      process.kill(run.init.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function fail(message: string): never {
  throw new StartError(message);
}
