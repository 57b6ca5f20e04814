// One pod from its binding to its end: sandbox, containers, status; and when it is deleted, the way back. Level-triggered: every
// turn looks at the pod and its containers as they are and does what is missing.
import { isReason } from '../../api/status.ts';
import type { Pod } from '../../api/types/core.v1.ts';
import { pods } from '../../client/resources.ts';
import { aborted } from '../../host/lifecycle.ts';
import { Bell } from '../bell.ts';
import type { ContainerState, Sandbox } from '../runtime.ts';
import { ContainerWorker } from './container-worker.ts';
import { type PodContext, podEvent } from './pod-context.ts';
import { isInitDone, isSidecar, type PodView, podPhase, podStatus } from './pod-status.ts';
import { resolvConf } from './resolv-conf.ts';
import { podDirectory, removeSandboxRecord, writeSandboxRecord } from './sandbox-records.ts';
import { StatusWriter } from './status-writer.ts';

/** ms after which a turn that failed is taken again. */
const RETRY_MS = 1000;

/**
 * ms that the network of a deleted pod stays. Whoever still sends to it, because a node has not heard yet, is refused at once
 * instead of waiting for an answer that nobody gives.
 */
const LINGER_MS = 1000;

export class PodWorker {
  readonly uid: string;
  readonly #context: PodContext;
  readonly #bell = new Bell();
  readonly #initContainers: readonly ContainerWorker[];
  readonly #containers: readonly ContainerWorker[];
  readonly #status: StatusWriter;
  readonly #startedAt: number;
  #pod: Pod;
  #sandbox: Sandbox | undefined;
  #isRemoved = false;
  #isStopping = false;

  constructor(context: PodContext, pod: Pod, signal: AbortSignal) {
    this.uid = pod.metadata.uid!;
    this.#context = context;
    this.#pod = pod;
    this.#startedAt = context.clock.now();
    this.#status = new StatusWriter(pod, { client: context.client, log: context.log, clock: context.clock, signal });
    const workers = (specs: NonNullable<Pod['spec']>['containers'], isInit: boolean): ContainerWorker[] =>
      specs.map((spec) => {
        const changed = (): void => this.#changed();
        return new ContainerWorker({ context, spec, isInit, pod: () => this.#pod, changed });
      });
    this.#initContainers = workers(pod.spec?.initContainers ?? [], true);
    this.#containers = workers(pod.spec?.containers ?? [], false);
    for (const volume of unsupportedVolumes(pod)) {
      podEvent(context, pod, 'Warning', 'FailedMount', `volumes are not supported: "${volume}" is left out`);
    }
  }

  get pod(): Pod {
    return this.#pod;
  }

  update(pod: Pod): void {
    this.#pod = pod;
    this.#status.observe(pod);
    this.#bell.ring();
  }

  /** The pod is gone from the API server: nobody waits for its containers any more. */
  removed(): void {
    this.#isRemoved = true;
    this.#bell.ring();
    if (this.#isStopping) void this.#kill();
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
        const { name, namespace } = this.#pod.metadata;
        this.#context.log.warn({ err: error, pod: `${namespace}/${name}` }, 'pod not in line, trying again');
        podEvent(this.#context, this.#pod, 'Warning', 'FailedSync', `error syncing pod: ${(error as Error).message}`);
        waitMs = RETRY_MS;
      }
      if (!isOver) await this.#bell.rung(signal, waitMs);
    }
    for (const container of this.#all) container.release();
  }

  get #all(): readonly ContainerWorker[] {
    return [...this.#initContainers, ...this.#containers];
  }

  #view(): PodView {
    return {
      pod: this.#pod,
      initContainers: this.#initContainers.map((container) => container.view()),
      containers: this.#containers.map((container) => container.view()),
      hostIP: this.#context.hostIP,
      podIP: this.#sandbox?.podIP,
      startedAt: this.#startedAt,
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

  /** Does what is missing; returns the ms after which to look again without being told to. */
  async #sync(): Promise<number | undefined> {
    const { phase } = this.#pod.status ?? {};
    if (phase === 'Succeeded' || phase === 'Failed') return this.#settle();
    this.#sandbox ??= await this.#makeSandbox();
    const waits = await this.#syncContainers(this.#sandbox);
    this.#publish();
    const ended = podPhase(this.#view());
    if (ended === 'Succeeded' || ended === 'Failed') return this.#settle();
    return waits.length > 0 ? Math.min(...waits) : undefined;
  }

  async #syncContainers(sandbox: Sandbox): Promise<number[]> {
    const waits: (number | undefined)[] = [];
    for (const container of this.#initContainers) {
      const view = container.view();
      if (isInitDone(view) && !isSidecar(view.spec)) continue;
      waits.push(await container.sync(sandbox));
      if (!isInitDone(container.view())) return waits.filter((wait) => wait !== undefined);
    }
    waits.push(...(await Promise.all(this.#containers.map((container) => container.sync(sandbox)))));
    return waits.filter((wait) => wait !== undefined);
  }

  /** A pod that has come to its end keeps its record and its logs, and gives back its network. */
  async #settle(): Promise<undefined> {
    await this.#stop(this.#grace);
    if (!this.#pod.spec?.hostNetwork) await this.#context.network.detach(this.uid);
    return undefined;
  }

  async #makeSandbox(): Promise<Sandbox> {
    const { network, hostIP, nodeName, directory, dns } = this.#context;
    const { metadata, spec } = this.#pod;
    const podName = metadata.name;
    const namespace = metadata.namespace ?? 'default';
    const address = spec?.hostNetwork ? undefined : network.reserve(this.uid);
    // Written down before it is made, so that nothing is made that no later agent would know of.
    await writeSandboxRecord(directory, { podUID: this.uid, namespace, podName, address });
    const attachment = spec?.hostNetwork ? undefined : await network.attach(this.uid);
    // Containers of an earlier agent live in a namespace that is gone.
    if (attachment?.isNew) await this.#kill();
    return {
      podUID: this.uid,
      namespace,
      podName,
      nodeName,
      hostname: spec?.hostNetwork ? nodeName : (spec?.hostname ?? podName).slice(0, 63),
      netns: attachment?.netns,
      podIP: attachment?.address ?? hostIP,
      directory: podDirectory(directory, this.uid),
      resolvConf: resolvConf(this.#pod, dns),
    };
  }

  get #grace(): number {
    const { metadata, spec } = this.#pod;
    return metadata.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? 30;
  }

  /** Sidecars go after those they serve. */
  async #stop(graceSeconds: number): Promise<void> {
    for (const group of [this.#containers, this.#initContainers]) {
      await Promise.all(group.map((container) => container.stop(graceSeconds)));
    }
  }

  async #kill(): Promise<void> {
    await Promise.all(this.#all.map((container) => container.kill()));
  }

  /** Stops everything and lets the API server forget the pod. True when all of it is done. */
  async #terminate(): Promise<boolean> {
    this.#isStopping = true;
    const { client, clock, network, runtime, directory } = this.#context;
    const graceSeconds = this.#isRemoved ? 0 : this.#grace;
    await this.#stop(graceSeconds);
    if (!this.#isRemoved) {
      this.#publish();
      await this.#status.flushed();
    }
    if (!this.#isRemoved) {
      const { name, namespace } = this.#pod.metadata;
      const options = { gracePeriodSeconds: 0, preconditions: { uid: this.uid } };
      await client.delete(pods, { name, namespace }, options).catch((error) => {
        if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
      });
    }
    if (!this.#pod.spec?.hostNetwork) {
      await clock.sleep(LINGER_MS);
      await network.detach(this.uid);
    }
    for (const { id } of runtime.list().filter(({ id }) => id.startsWith(`${this.uid}_`))) await runtime.remove(id);
    await removeSandboxRecord(directory, this.uid);
    return true;
  }
}

/** Every pod has the volume of its service account's token; the others are the user's wish. */
function unsupportedVolumes(pod: Pod): string[] {
  const names = (pod.spec?.volumes ?? []).map(({ name }) => name);
  return names.filter((name) => !name.startsWith('kube-api-access-'));
}
