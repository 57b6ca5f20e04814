// The runtime that runs containers as processes of this machine, each in mount, pid, uts and ipc namespaces of its own and in
// its pod's network namespace. One shim per container (shim.ts) does the work; what it leaves in files is the truth.
import { createHash } from 'node:crypto';
import { mkdirSync, watch } from 'node:fs';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { type Clock, systemClock } from '../../host/clock.ts';
import { Catalog, type CatalogOptions } from '../images/catalog.ts';
import type { Image, ImageContents } from '../images/image.ts';
import {
  type ContainerSpec,
  type ContainerState,
  type KnownImage,
  type LogOptions,
  type NodeUsage,
  type PodConnection,
  type PulledImage,
  type Runtime,
  type Sandbox,
  type Session,
  type SessionOptions,
  StartError,
} from '../runtime.ts';
import { attachTo } from './attach.ts';
import { Cgroups } from './cgroups.ts';
import { mountOrders, rootOrders, securityOrders } from './container-root.ts';
import { readContainerLog } from './log-reader.ts';
import { overLimit } from './memory.ts';
import { encodeOrders, type Order } from './orders.ts';
import { dial, startSession } from './session.ts';
import { SHIM } from './shim.ts';
import { runShim, startShim } from './shim-client.ts';
import { LOG_PARTS } from './shim-log.ts';
import {
  type ExitFile,
  isAlive,
  noteOutOfMemory,
  parseExitFile,
  parseRunFile,
  type RunFile,
  readIfThere,
  writeExit,
} from './state-files.ts';
import { measure } from './usage.ts';

export interface ProcessRuntimeOptions {
  /** Absolute path of a folder of this runtime's own. */
  readonly directory: string;
  /** Bytes after which a container's log starts anew (one old part is kept). Default 10 MiB, as the kubelet's. */
  readonly logSize?: number;
  readonly clock?: Clock;
  /** Where images are that were loaded by hand, and what becomes of unknown ones. */
  readonly images?: CatalogOptions;
}

interface Container {
  readonly run: RunFile;
  state: ContainerState;
  readonly ended: Promise<void>;
  end(): void;
}

/** ms between looks at whether shims live: only for one that was killed before it could write how its container ended. */
const SWEEP_MS = 500;
/** ms between looks at the memory of containers that only we hold to their limit. */
const WATCH_MS = 100;

export class ProcessRuntime implements Runtime {
  readonly #directory: string;
  readonly #logSize: number;
  readonly #clock: Clock;
  readonly #containers = new Map<string, Container>();
  /** By image name: prepared once. */
  readonly #contents = new Map<string, Promise<ImageContents>>();
  readonly #listeners = new Set<(state: ContainerState) => void>();
  readonly #catalog: Catalog;
  readonly #cgroups: Cgroups;
  /** Ids of those the watchdog has killed. */
  readonly #starved = new Set<string>();

  private constructor(options: ProcessRuntimeOptions) {
    this.#directory = options.directory;
    this.#logSize = options.logSize ?? 10 * 1024 * 1024;
    this.#clock = options.clock ?? systemClock;
    this.#catalog = new Catalog({ ...options.images });
    this.#cgroups = Cgroups.find(options.directory);
  }

  /** Makes the folders it needs and finds the containers an earlier agent left, running or ended. */
  static async open(options: ProcessRuntimeOptions): Promise<ProcessRuntime> {
    const runtime = new ProcessRuntime(options);
    for (const folder of ['attach', 'containers', 'images', 'root']) {
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
        this.#keepLimits();
        await this.#clock.sleep(this.#isWatching ? WATCH_MS : SWEEP_MS, signal).catch(() => {});
      }
    } finally {
      watcher.close();
    }
  }

  get #isWatching(): boolean {
    return [...this.#containers.values()].some(({ run, state }) => run.memory && state.running);
  }

  async pull(reference: string): Promise<PulledImage> {
    const { id, notice, image } = await this.#catalog.resolve(reference);
    await this.#contentsOf(image);
    return { id, notice, user: image.user, sizeBytes: image.sizeBytes };
  }

  async images(): Promise<readonly KnownImage[]> {
    return this.#catalog.list();
  }

  async start(sandbox: Sandbox, spec: ContainerSpec): Promise<ContainerState> {
    const { image } = await this.#catalog.resolve(spec.image);
    const argv = image.command(spec);
    if (argv.length === 0) throw new StartError('no command specified');
    const log = `${sandbox.directory}/${spec.name}/${spec.attempt}.log`;
    mkdirSync(`${sandbox.directory}/${spec.name}`, { recursive: true });
    const env = { ...image.env, HOSTNAME: sandbox.hostname, ...spec.env };
    const workingDir = spec.workingDir || image.workingDir;
    const contents = await this.#contentsOf(image);
    const orders = encodeOrders([
      ['state', this.#path(spec.id)],
      ['log', log],
      ['logsize', `${this.#logSize}`],
      ['root', `${this.#directory}/root`],
      ['hostname', sandbox.hostname],
      ['attach', this.#attachSocket(spec.id)],
      ...(['stdin', 'stdinOnce', 'tty'] as const).flatMap((name): Order[] =>
        spec[name] ? [[name === 'stdinOnce' ? 'stdinonce' : name, '1']] : [],
      ),
      ...(image.announces && !spec.command ? [['announces', '1'] as const] : []),
      ...(sandbox.netns ? [['netns', sandbox.netns] as const] : []),
      ...(workingDir ? [['workdir', workingDir] as const] : []),
      ...Object.entries(sandbox.sysctls ?? {}).map(([path, value]): Order => ['sysctl', path, value]),
      ...rootOrders(contents, sandbox),
      ...mountOrders(spec.mounts ?? []),
      ...securityOrders(spec.security, image.user),
      ...this.#limitOrders(spec),
      ...this.#neighbourOrders(spec),
      ...Object.entries(env).map(([name, value]): Order => ['env', name, value]),
      ...argv.map((word): Order => ['arg', word]),
    ]);
    await startShim(this.#shim, orders, () => this.#collect(spec.id)).catch(async (error) => {
      await this.#cgroups.remove(spec.id, this.#clock);
      throw error;
    });
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
    await this.#cgroups.remove(id, this.#clock);
    this.#containers.delete(id);
    const log = container.run.log;
    const parts = Array.from({ length: LOG_PARTS }, (_, part) => (part === 0 ? log : `${log}.${part}`));
    const own = ['.run', '.exit', '.exit.new'].map((end) => `${this.#path(id)}${end}`);
    const files = [...own, this.#attachSocket(id), `${log}.new`, ...parts];
    for (const file of files) await rm(file, { force: true });
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
    const timeout = `${Math.max(1, Math.round(timeoutMs))}`;
    return runShim(this.#shim, encodeOrders([['timeout', timeout], ...this.#commandOrders(id, command)]));
  }

  async session(id: string, command: readonly string[], { stdin, tty, size }: SessionOptions): Promise<Session> {
    const orders: Order[] = this.#commandOrders(id, command);
    if (stdin) orders.push(['stdin', '1']);
    if (tty) orders.push(['tty', '1']);
    if (size) orders.push(['size', `${size.rows}x${size.columns}`]);
    return startSession(this.#shim, encodeOrders(orders));
  }

  async attach(id: string): Promise<Session> {
    const container = this.#containers.get(id);
    if (!container?.state.running) throw new Error(`container ${id} is not running`);
    return attachTo(this.#attachSocket(id));
  }

  dial(netns: string | undefined, port: number): Promise<PodConnection> {
    return dial(this.#shim, encodeOrders([['port', `${port}`], ...(netns ? [['netns', netns] as const] : [])]));
  }

  /** For a command in a container that runs, with the environment of its first process. */
  #commandOrders(id: string, command: readonly string[]): Order[] {
    const container = this.#containers.get(id);
    if (!container?.state.running) throw new Error(`container ${id} is not running`);
    const { pid } = container.state;
    const environ = readIfThere(`/proc/${pid}/environ`) ?? '';
    return [
      ['pid', `${pid}`],
      ...environ
        .split('\0')
        .filter((line) => line.includes('='))
        .map((line): Order => ['env', line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      ...command.map((word): Order => ['arg', word]),
    ];
  }

  usage(): NodeUsage {
    const { containers, node } = measure(this.list().filter(({ running }) => running));
    const kept = [...containers].map(([id, usage]) => [id, { ...usage, ...this.#cgroups.usage(id) }] as const);
    return { node, containers: new Map(kept) };
  }

  logs(id: string, options: LogOptions): Readable {
    const container = this.#containers.get(id);
    if (!container) throw new Error(`no container ${id}`);
    return readContainerLog(container.run.log, {
      ...options,
      ended: container.ended,
      isRunning: () => container.state.running,
    });
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

  /** A name of its own length: ids are longer than a socket's may be. */
  #attachSocket(id: string): string {
    return `${this.#directory}/attach/${createHash('sha256').update(id).digest('hex').slice(0, 16)}`;
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
      if (container) continue;
      for (const end of ['.run', '.exit.new']) await rm(`${this.#path(id)}${end}`, { force: true });
    }
    await this.#cgroups.sweep(new Set(this.#containers.keys()), this.#clock);
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
    const exit = this.#judge(id, text === undefined ? this.#presumeKilled(id) : parseExitFile(text));
    container.state = { ...container.state, running: false, ...exit };
    container.end();
    for (const listener of this.#listeners) listener(container.state);
  }

  /** Whoever killed for want of memory is asked once; what it says is written down. */
  #judge(id: string, exit: ExitFile): ExitFile {
    if (exit.oomKilled || exit.exitCode === 0) return exit;
    if (!this.#starved.delete(id) && !this.#cgroups.ranOutOfMemory(id)) return exit;
    noteOutOfMemory(this.#path(id));
    return { ...exit, oomKilled: true };
  }

  #limitOrders({ id, limits = {} }: ContainerSpec): Order[] {
    const folders = this.#cgroups.make(id, limits);
    const watched = limits.memoryBytes && !this.#cgroups.limits('memory');
    return [
      ...folders.map((folder): Order => ['cgroup', folder]),
      ...(watched ? [['memory', `${Math.floor(limits.memoryBytes!)}`] as const] : []),
    ];
  }

  #neighbourOrders({ processesOf }: ContainerSpec): Order[] {
    if (!processesOf) return [];
    const target = this.#containers.get(processesOf)?.state;
    if (!target?.running) throw new StartError('the target container is not running');
    return [['pidns', `${target.pid}`]];
  }

  /** Containers that have more memory than they may, where the kernel does not look after it. */
  #keepLimits(): void {
    const watched = [...this.#containers.values()].flatMap(({ run, state }) =>
      run.memory && state.running ? [{ pid: state.pid, id: state.id, limit: run.memory }] : [],
    );
    for (const id of overLimit(watched)) {
      this.#starved.add(id);
      this.#signal(this.#containers.get(id)!, 'SIGKILL');
    }
  }

  /** Without its shim a container was killed by the kernel; what we presume is written down, so that it stays true. */
  #presumeKilled(id: string): ExitFile {
    const exit = { exitCode: 137, signal: 9, finishedAt: this.#clock.now() };
    writeExit(this.#path(id), exit);
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
