// One pod from its binding to its end: sandbox, volumes, containers, status; and when it is deleted, the way back. Level-triggered:
// every turn looks at the pod and its containers as they are and does what is missing.
import { isReason } from '../../api/status.ts';
import type { Container, Pod } from '../../api/types/core.v1.ts';
import { pods } from '../../client/resources.ts';
import { Bell } from '../../host/bell.ts';
import { aborted } from '../../host/lifecycle.ts';
import type { ContainerState, Sandbox } from '../runtime.ts';
import { unmountBelow } from '../volumes/memory-folders.ts';
import { hasVolumeLimits, overfullVolume } from '../volumes/usage.ts';
import { refusalOf, unsupported } from './admission.ts';
import { isInitDone, isSidecar } from './container-status.ts';
import { ContainerWorker, type ContainerWorkerOptions } from './container-worker.ts';
import { type PodContext, podEvent } from './pod-context.ts';
import { makeSandbox, removeSandbox, SandboxError } from './pod-sandbox.ts';
import { type PodView, podPhase, podStatus } from './pod-status.ts';
import { VolumesSync } from './pod-volumes-sync.ts';
import { podDirectory, removeSandboxRecord } from './sandbox-records.ts';
import { StatusWriter } from './status-writer.ts';

/** ms after which a turn that failed is taken again. */
const RETRY_MS = 1000;
/** ms between looks at what a pod's volumes hold, as upstream's eviction manager. */
const USAGE_MS = 10_000;
const TOO_LONG = 'Pod was active on the node longer than the specified deadline';
/** ms: no timer sleeps longer. */
const LONGEST_MS = 24 * 3600 * 1000;

/**
 * ms that the network of a deleted pod stays. Whoever still sends to it, because a node has not heard yet, is refused at once
 * instead of waiting for an answer that nobody gives.
 */
const LINGER_MS = 1000;

export class PodWorker {
  readonly uid: string;
  readonly #context: PodContext;
  readonly #bell = new Bell();
  readonly #volumes: VolumesSync;
  readonly #initContainers: readonly ContainerWorker[];
  readonly #containers: readonly ContainerWorker[];
  /** Grows: `kubectl debug` adds to a pod that runs. */
  readonly #ephemeral: ContainerWorker[] = [];
  readonly #status: StatusWriter;
  readonly #startedAt: number;
  #pod: Pod;
  #sandbox: Sandbox | undefined;
  /** The sandbox is there, but the pod has not been told to the world before its volumes are there too. */
  #isShown = false;
  #failure: PodView['failure'];
  /** ms since the epoch. */
  #usageSeenAt = 0;
  #isRemoved = false;
  #isStopping = false;

  constructor(context: PodContext, pod: Pod, signal: AbortSignal) {
    this.uid = pod.metadata.uid!;
    this.#context = context;
    this.#pod = pod;
    this.#startedAt = context.clock.now();
    this.#status = new StatusWriter(pod, { client: context.client, log: context.log, clock: context.clock, signal });
    this.#volumes = new VolumesSync(context, pod, () => this.#bell.ring());
    const worker = (kind: ContainerWorkerOptions['kind']) => (spec: Container) => this.#worker(kind, spec);
    this.#initContainers = (pod.spec?.initContainers ?? []).map(worker('init'));
    this.#containers = (pod.spec?.containers ?? []).map(worker('regular'));
    this.#meetEphemeral();
    for (const what of unsupported(pod)) {
      podEvent(context, pod, 'Warning', 'NotSupported', `${what} is not supported: the pod runs without it`);
    }
  }

  get pod(): Pod {
    return this.#pod;
  }

  update(pod: Pod): void {
    const old = this.#pod;
    this.#pod = pod;
    this.#volumes.update(pod, old);
    this.#updateContainers();
    this.#meetEphemeral();
    this.#status.observe(pod);
    this.#bell.ring();
    const [before, now] = [old, pod].map(({ metadata }) => metadata.deletionGracePeriodSeconds);
    if (this.#isStopping && before !== undefined && now !== undefined && now < before) this.#hurry(now);
  }

  /** The pod is gone from the API server: nobody waits for its containers any more. */
  removed(): void {
    this.#isRemoved = true;
    this.#bell.ring();
    if (this.#isStopping) this.#hurry(0);
  }

  /** A container has ended; tells at once. */
  ended(state: ContainerState): void {
    if (!this.#all.some((container) => container.ended(state))) return;
    this.#changed();
  }

  /** Runs until the pod has come to its end or `signal` aborts (its containers run on then). */
  async run(signal: AbortSignal): Promise<void> {
    const stopped = aborted(signal);
    let isOver = false;
    while (!signal.aborted && !isOver) {
      let waitMs: number | undefined;
      try {
        // What takes long (a stop with its grace) is taken up by the next agent when this one ends.
        if (this.#isRemoved || this.#pod.metadata.deletionTimestamp) {
          isOver = (await Promise.race([this.#terminate(), stopped])) ?? true;
        } else waitMs = (await Promise.race([this.#sync(), stopped])) ?? undefined;
      } catch (error) {
        this.#complain(error as Error);
        waitMs = RETRY_MS;
      }
      if (!isOver) await this.#bell.rung(signal, waitMs);
    }
    this.#volumes.release();
    for (const container of this.#all) container.release();
  }

  #complain(error: Error): void {
    const { name, namespace } = this.#pod.metadata;
    this.#context.log.warn({ err: error, pod: `${namespace}/${name}` }, 'pod not in line, trying again');
    if (error instanceof SandboxError) {
      podEvent(this.#context, this.#pod, 'Warning', 'FailedCreatePodSandBox', error.message);
    } else podEvent(this.#context, this.#pod, 'Warning', 'FailedSync', `error syncing pod: ${error.message}`);
  }

  get #all(): readonly ContainerWorker[] {
    return [...this.#initContainers, ...this.#containers, ...this.#ephemeral];
  }

  #worker(kind: ContainerWorkerOptions['kind'], spec: Container): ContainerWorker {
    return new ContainerWorker({
      context: this.#context,
      spec,
      kind,
      volumes: this.#volumes.volumes,
      directory: podDirectory(this.#context.directory, this.uid),
      pod: () => this.#pod,
      changed: () => this.#changed(),
    });
  }

  #updateContainers(): void {
    const { initContainers = [], containers = [] } = this.#pod.spec ?? {};
    const specs = new Map([...initContainers, ...containers].map((spec) => [spec.name, spec]));
    for (const container of [...this.#initContainers, ...this.#containers]) {
      const spec = specs.get(container.name);
      if (spec) container.update(spec);
    }
  }

  #meetEphemeral(): void {
    const known = new Set(this.#ephemeral.map(({ name }) => name));
    const added = (this.#pod.spec?.ephemeralContainers ?? []).filter(({ name }) => !known.has(name));
    this.#ephemeral.push(...added.map((spec) => this.#worker('ephemeral', spec as Container)));
  }

  #view(): PodView {
    return {
      pod: this.#pod,
      initContainers: this.#initContainers.map((container) => container.view()),
      containers: this.#containers.map((container) => container.view()),
      ephemeralContainers: this.#ephemeral.map((container) => container.view()),
      hostIPs: this.#context.hostIPs,
      podIPs: this.#isShown ? this.#sandbox?.podIPs : undefined,
      startedAt: this.#startedAt,
      failure: this.#failure,
      isTerminal: this.#isStopping,
    };
  }

  #changed(): void {
    this.#publish();
    this.#bell.ring();
  }

  #publish(): void {
    const old = this.#status.latest ?? this.#pod.status;
    this.#status.publish(podStatus(this.#view(), old, this.#context.clock.now()));
  }

  get #hasEnded(): boolean {
    const { phase } = this.#pod.status ?? {};
    return phase === 'Succeeded' || phase === 'Failed';
  }

  /** Does what is missing; returns the ms after which to look again without being told to. */
  async #sync(): Promise<number | undefined> {
    if (this.#hasEnded) return this.#settle();
    const refusal = refusalOf(this.#pod);
    if (refusal) return this.#giveUp('Warning', refusal.reason, refusal.message, 'Pod was rejected: ');
    const untilDeadline = this.#untilDeadline();
    if (untilDeadline !== undefined && untilDeadline <= 0) {
      return this.#giveUp('Normal', 'DeadlineExceeded', TOO_LONG);
    }
    const { overfull, nextLookMs } = await this.#lookAtUsage();
    if (overfull) return this.#giveUp('Warning', 'Evicted', overfull);
    const waits = [untilDeadline, nextLookMs, ...(await this.#prepareAndRun())].filter((wait) => wait !== undefined);
    this.#publish();
    const ended = podPhase(this.#view());
    if (ended === 'Succeeded' || ended === 'Failed') return this.#settle();
    return waits.length > 0 ? Math.min(...waits, LONGEST_MS) : undefined;
  }

  async #prepareAndRun(): Promise<(number | undefined)[]> {
    // Side by side: no volume shows the pod's address.
    const [sandbox, { isMade, waitMs }] = await Promise.all([this.#theSandbox(), this.#volumes.sync(this.#pod)]);
    if (!isMade) return [waitMs];
    this.#isShown = true;
    return [waitMs, ...(await this.#syncContainers(sandbox))];
  }

  async #theSandbox(): Promise<Sandbox> {
    if (this.#sandbox) return this.#sandbox;
    const { sandbox, isNew } = await makeSandbox(this.#context, this.#pod);
    if (isNew) await this.#kill();
    if (isNew && this.#pod.status?.podIP) {
      const message = 'Pod sandbox changed, it will be killed and re-created.';
      podEvent(this.#context, this.#pod, 'Normal', 'SandboxChanged', message);
    }
    await this.#context.services.synced();
    this.#sandbox = sandbox;
    return sandbox;
  }

  /** Init containers one after the other; then the others, each once the hook of the one before it is done. */
  async #syncContainers(sandbox: Sandbox): Promise<(number | undefined)[]> {
    const waits: (number | undefined)[] = [];
    for (const container of this.#ephemeral) waits.push(await container.sync(sandbox, this.#targetOf(container.name)));
    for (const container of this.#initContainers) {
      const view = container.view();
      if (isInitDone(view) && !isSidecar(view.spec)) continue;
      waits.push(await container.sync(sandbox));
      if (!isInitDone(container.view())) return waits;
    }
    for (const container of this.#containers) {
      waits.push(await container.sync(sandbox));
      if (container.isHooking) break;
    }
    return waits;
  }

  #targetOf(name: string): string | undefined {
    const ephemeral = this.#pod.spec?.ephemeralContainers?.find((one) => one.name === name);
    return this.#all.find((container) => container.name === ephemeral?.targetContainerName)?.runningID;
  }

  /** ms until activeDeadlineSeconds are over; undefined without one. */
  #untilDeadline(): number | undefined {
    const { activeDeadlineSeconds } = this.#pod.spec ?? {};
    if (activeDeadlineSeconds === undefined) return undefined;
    const { startTime } = this.#status.latest ?? this.#pod.status ?? {};
    const since = startTime ? Date.parse(`${startTime}`) : this.#startedAt;
    return since + activeDeadlineSeconds * 1000 - this.#context.clock.now();
  }

  /** Volumes with a limit of their own are looked at now and then. */
  async #lookAtUsage(): Promise<{ overfull?: string; nextLookMs?: number }> {
    if (!hasVolumeLimits(this.#pod) || !this.#sandbox) return {};
    const now = this.#context.clock.now();
    if (now < this.#usageSeenAt + USAGE_MS) return { nextLookMs: this.#usageSeenAt + USAGE_MS - now };
    this.#usageSeenAt = now;
    return { overfull: await overfullVolume(this.#sandbox.directory, this.#pod), nextLookMs: USAGE_MS };
  }

  /** `intro`: what the status says before the event's words. */
  async #giveUp(type: 'Normal' | 'Warning', reason: string, message: string, intro = ''): Promise<undefined> {
    this.#failure = { reason, message: `${intro}${message}` };
    podEvent(this.#context, this.#pod, type, reason, message);
    return this.#settle();
  }

  /** A pod that has come to its end keeps its record and its logs, and gives back its network and its memory. */
  async #settle(): Promise<undefined> {
    await this.#stop(this.#grace);
    if (!this.#hasEnded) this.#publish();
    this.#volumes.release();
    await unmountBelow(`${podDirectory(this.#context.directory, this.uid)}/volumes`);
    await removeSandbox(this.#context, this.#pod);
    return undefined;
  }

  get #grace(): number {
    const { metadata, spec } = this.#pod;
    return metadata.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? 30;
  }

  /** Sidecars go after those they serve, the last one first. */
  async #stop(graceSeconds: number): Promise<void> {
    const { clock } = this.#context;
    const began = clock.now();
    const left = (): number => Math.max(0, graceSeconds - (clock.now() - began) / 1000);
    await Promise.all([...this.#containers, ...this.#ephemeral].map((container) => container.stop(graceSeconds)));
    for (const container of [...this.#initContainers].reverse()) await container.stop(left());
  }

  async #kill(): Promise<void> {
    await Promise.all(this.#all.map((container) => container.kill()));
  }

  /** The pod's grace has become shorter while it ends. */
  #hurry(graceSeconds: number): void {
    const { clock, log } = this.#context;
    const work = async (): Promise<void> => {
      await clock.sleep(graceSeconds * 1000);
      await this.#kill();
    };
    work().catch((error: Error) => log.error({ err: error, pod: this.uid }, 'a pod could not be killed'));
  }

  /** Stops everything and lets the API server forget the pod. True when all of it is done. */
  async #terminate(): Promise<boolean> {
    this.#isStopping = true;
    const { clock, runtime, directory } = this.#context;
    await this.#stop(this.#isRemoved ? 0 : this.#grace);
    if (!this.#isRemoved) {
      if (!this.#hasEnded) this.#publish();
      await this.#status.flushed();
    }
    if (!this.#isRemoved) await this.#forget();
    if (!this.#pod.spec?.hostNetwork) await clock.sleep(LINGER_MS);
    await removeSandbox(this.#context, this.#pod);
    for (const { id } of runtime.list().filter(({ id }) => id.startsWith(`${this.uid}_`))) await runtime.remove(id);
    await removeSandboxRecord(directory, this.uid);
    return true;
  }

  async #forget(): Promise<void> {
    const { name, namespace } = this.#pod.metadata;
    const options = { gracePeriodSeconds: 0, preconditions: { uid: this.uid } };
    await this.#context.client.delete(pods, { name, namespace }, options).catch((error) => {
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
    });
  }
}
