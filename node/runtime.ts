// The waist of the node agent: whoever runs containers. `process` first; OCI images later.
import type { Readable } from 'node:stream';

export interface ContainerSpec {
  /** Unique on the node over its whole life: see containerID(). */
  readonly id: string;
  readonly name: string;
  /** 0 for the first start of this container in its pod, one more for every restart. */
  readonly attempt: number;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir?: string;
  /** The container ports the pod spec declares. */
  readonly ports: readonly number[];
}

/** The sandbox a pod's containers share: its network namespace, hostname and folder. */
export interface Sandbox {
  readonly podUID: string;
  readonly namespace: string;
  readonly podName: string;
  readonly nodeName: string;
  readonly hostname: string;
  /** Path of the network namespace (`/run/netns/…`); absent: the node's own (hostNetwork). */
  readonly netns?: string;
  readonly podIP: string;
  /** Where the pod's logs live. */
  readonly directory: string;
  /** The text of /etc/resolv.conf. */
  readonly resolvConf: string;
}

export interface ContainerState {
  readonly id: string;
  readonly running: boolean;
  /** Of the container's first process, as the agent sees it. */
  readonly pid: number;
  /** ms since the epoch. */
  readonly startedAt: number;
  readonly finishedAt?: number;
  /** 128 + signal number when a signal ended it. */
  readonly exitCode?: number;
  /** Number of the signal that ended it. */
  readonly signal?: number;
  /** Why it never ran: `exitCode` is 128 then. */
  readonly startError?: string;
}

/** An image that is here and can be started. */
export interface PulledImage {
  /** What `imageID` of a container status says. */
  readonly id: string;
  /** Set when another image stands in for the one asked for: one sentence for an event. */
  readonly notice?: string;
}

export interface Runtime {
  /** Throws ImageError when the image does not exist here; its message says what does. */
  pull(image: string): Promise<PulledImage>;
  /** Throws ImageError as `pull` does, StartError when the container cannot be run. */
  start(sandbox: Sandbox, container: ContainerSpec): Promise<ContainerState>;
  /** SIGTERM, then SIGKILL after `graceSeconds`; resolves when the container and all its processes are gone. */
  stop(id: string, graceSeconds: number): Promise<ContainerState | undefined>;
  /** Forgets a container that has ended, and its log. */
  remove(id: string): Promise<void>;
  status(id: string): ContainerState | undefined;
  /** Containers that survived an agent's restart are found again by this, those that ended meanwhile too. */
  list(): ContainerState[];
  /** Calls back whenever a container ends; returns the function that stops it. */
  onExit(exited: (state: ContainerState) => void): () => void;
  /** Runs a command in the container; resolves with its exit code (124 when it ran out of time). */
  exec(
    id: string,
    command: readonly string[],
    options: { timeoutMs: number },
  ): Promise<{ exitCode: number; output: string }>;
  /** The log so far in CRI's format (`TIME stdout|stderr F|P TEXT`), and what follows when `follow`. */
  logs(id: string, options: { follow: boolean; signal?: AbortSignal }): Readable;
}

/** What a container's id is made of. Neither UIDs nor container names (DNS labels) hold an underscore. */
export function containerID(podUID: string, name: string, attempt: number): string {
  return `${podUID}_${name}_${attempt}`;
}

export function parseContainerID(id: string): { podUID: string; name: string; attempt: number } {
  const [podUID, name, attempt] = id.split('_');
  return { podUID, name, attempt: Number(attempt) };
}

/** Why an image cannot be used: `ErrImagePull` and `ImagePullBackOff` are made of it. */
export class ImageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ImageError';
  }
}

/** The image is here, but its program cannot be run (no such file, not executable, no such directory). */
export class StartError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StartError';
  }
}
