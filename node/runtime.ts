// The waist of the node agent: whoever runs containers. `process` first; OCI images later.
import type { Readable } from 'node:stream';

export interface ContainerSpec {
  /** Unique on the node over its whole life: pod UID, container name and attempt. */
  readonly id: string;
  readonly name: string;
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
  readonly hostname: string;
  /** Path of the network namespace (`/run/netns/…`). */
  readonly netns: string;
  readonly podIP: string;
  /** Where the pod's logs and container roots live. */
  readonly directory: string;
}

export interface ContainerState {
  readonly id: string;
  readonly running: boolean;
  /** Of the container's first process, as the agent sees it; absent before start. */
  readonly pid?: number;
  /** ms since the epoch. */
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** 128 + signal number when a signal ended it. */
  readonly exitCode?: number;
  readonly signal?: string;
}

export interface Runtime {
  /** Throws ImageError when the image does not exist here; its message says what does. */
  start(sandbox: Sandbox, container: ContainerSpec): Promise<ContainerState>;
  /** SIGTERM, then SIGKILL after `graceSeconds`; resolves when the container and all its processes are gone. */
  stop(id: string, graceSeconds: number): Promise<ContainerState>;
  status(id: string): ContainerState | undefined;
  /** Containers that survived an agent's restart are found again by this. */
  list(): Promise<ContainerState[]>;
  /** Calls back whenever a container ends; returns the function that stops it. */
  onExit(exited: (state: ContainerState) => void): () => void;
  /** Runs a command in the container; resolves with its exit code. */
  exec(
    id: string,
    command: readonly string[],
    options: { timeoutMs: number },
  ): Promise<{ exitCode: number; output: string }>;
  /** The log so far, and what follows when `follow`. */
  logs(id: string, options: { follow: boolean; signal?: AbortSignal }): Readable;
}

/** Why an image cannot be used: `ErrImagePull` and `ImagePullBackOff` are made of it. */
export class ImageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ImageError';
  }
}
