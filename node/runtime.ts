// The waist of the node agent: whoever runs containers. `process` first; OCI images later.
import type { Readable, Writable } from 'node:stream';

/** A file or folder of the node that a container sees at `to`; what leads to it is made. */
export interface Mount {
  readonly from: string;
  readonly to: string;
  readonly readOnly: boolean;
}

/** As whom a container runs, and what it may do. What is absent is as the image says. */
export interface Security {
  readonly uid?: number;
  readonly gid?: number;
  /** Nothing but its volumes can be written. */
  readonly readOnlyRoot: boolean;
  readonly noNewPrivileges: boolean;
  /** All that the lab itself may do; capabilities are not looked at then. */
  readonly privileged: boolean;
  /** Names with or without `CAP_`; `ALL`. */
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
}

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
  /** Somebody may type to it; absent: its standard input is /dev/null. With `stdinOnce` the first who did ends its input by leaving. */
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  /** A terminal of its own. */
  readonly tty?: boolean;
  /** The container ports the pod spec declares. */
  readonly ports: readonly number[];
  /** In any order; nested ones work. */
  readonly mounts?: readonly Mount[];
  readonly security?: Security;
  /** `cpu` in cores. Memory is kept for real, cpu where the machine has cgroups for us. */
  readonly limits?: { readonly memoryBytes?: number; readonly cpu?: number };
  /** The id of a running container whose processes this one sees, and lives among (an ephemeral container's target). */
  readonly processesOf?: string;
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
  /** One of each address family at most, the primary first; the node's on its network. */
  readonly podIPs: readonly string[];
  /** Where the pod's logs live. */
  readonly directory: string;
  /** The text of /etc/resolv.conf. */
  readonly resolvConf: string;
  /** The text of /etc/hosts. */
  readonly hosts: string;
  /** By name: what the pod's namespaces are told of the kernel's settings. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** The id of the container whose processes all containers see, and live among; absent: each sees its own. */
  readonly processesOf?: string;
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
  /** It was killed because it had used up its memory. */
  readonly oomKilled?: boolean;
  /** Why it never ran: `exitCode` is 128 then. */
  readonly startError?: string;
}

/** An image that is here and can be started. */
export interface PulledImage {
  /** What `imageID` of a container status says. */
  readonly id: string;
  readonly sizeBytes: number;
  /** Set when another image stands in for the one asked for: what an event says of it. */
  readonly notice?: { readonly type: 'Normal' | 'Warning'; readonly message: string };
  /** Who its program runs as, when the pod does not say: a number, or a name of the image's own. Default 0. */
  readonly user?: string;
}

/** An image as a node's status lists it. */
export interface KnownImage {
  readonly names: readonly string[];
  readonly sizeBytes: number;
}

/** What processes use: seconds of processor time since they began, bytes of memory now. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

export interface NodeUsage {
  /** By id, of those that run. */
  readonly containers: ReadonlyMap<string, Usage>;
  /** All containers', the agent's, and that of whoever else is in the node's network namespace. */
  readonly node: Usage;
}

export interface Runtime {
  /** What is here and can be started without being brought. */
  images(): Promise<readonly KnownImage[]>;
  /** Throws ImageError when the image does not exist here; its message says what does. */
  pull(image: string): Promise<PulledImage>;
  /** Throws ImageError as `pull` does, StartError (after which the container counts as ended with 128) when the container cannot be run. */
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
  /** Runs a command that somebody talks to, in a container that runs. Throws StartError when the command cannot be run. */
  session(id: string, command: readonly string[], options: SessionOptions): Promise<Session>;
  /** Joins the conversation with a container's first process; many may. */
  attach(id: string): Promise<Session>;
  /** Connects to a port as the containers of a pod do, by loopback; `netns` is the pod's, absent the node's own. */
  dial(netns: string | undefined, port: number): Promise<PodConnection>;
  /** What everything on the node uses now. */
  usage(): NodeUsage;
  /** The log that is kept, in CRI's format (`TIME stdout|stderr F|P TEXT`), and what follows when `follow`. */
  logs(id: string, options: LogOptions): Readable;
}

export interface LogOptions {
  /** Until the container has ended. */
  readonly follow: boolean;
  /** Only so many lines of those that are there already. */
  readonly tailLines?: number;
  readonly signal?: AbortSignal;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface SessionOptions {
  /** Absent or false: standard input is /dev/null. */
  readonly stdin?: boolean;
  /** A terminal of its own; output and errors are one stream then. */
  readonly tty?: boolean;
  /** What the terminal begins with; absent: nothing is known of it. */
  readonly size?: TerminalSize;
}

/** Somebody's conversation with a command, or with the first process of a container. */
export interface Session {
  /** Ending it is the command's end of input. */
  readonly stdin?: Writable;
  readonly stdout: Readable;
  readonly stderr?: Readable;
  /** Resolves with the exit code (128 + signal number when a signal ended it). */
  readonly ended: Promise<number>;
  resize(size: TerminalSize): void;
  /** Nobody listens any more: a command is ended. */
  kill(): void;
}

/** A connection to a port in a pod. */
export interface PodConnection {
  readonly input: Writable;
  readonly output: Readable;
  close(): void;
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
  readonly reason: 'ErrImagePull' | 'InvalidImageName';

  constructor(message: string, reason: ImageError['reason'] = 'ErrImagePull') {
    super(message);
    this.name = 'ImageError';
    this.reason = reason;
  }
}

/** The image is here, but its program cannot be run (no such file, not executable, no such directory). */
export class StartError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StartError';
  }
}
