// What an image is here: programs of the machine itself shown to a container, or the files of an image that was loaded.

/** A file or folder of the machine (`from`), read-only in the container (`to`). */
export interface Bind {
  readonly from: string;
  readonly to: string;
}

/** What a container sees: binds, and links (`[target, path]`), over `base` if there is one. */
export interface ImageContents {
  /** The folder of a loaded image's files. */
  readonly base?: string;
  readonly binds: readonly Bind[];
  readonly links: readonly (readonly [string, string])[];
}

/** What a pod's container says of its command line. */
export interface Asked {
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  /** Those the container declares. */
  readonly ports: readonly number[];
}

export interface Image {
  readonly name: string;
  /** Bytes; 0 of what the machine has anyway. */
  readonly sizeBytes: number;
  /** Prepares what the image needs, below `directory` (the agent's own). Throws ImageError when the machine lacks it. */
  contents(directory: string): Promise<ImageContents>;
  /** The command line; empty when the image has none. */
  command(asked: Asked): readonly string[];
  /** Its program says so on standard output when it is ready for work; starting waits for that, 1 s at most. */
  readonly announces?: true;
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir?: string;
  /** `UID[:GID]` when its programs do not run as root. */
  readonly user?: string;
}

export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** How `command` and `args` of a container replace an image's entry point and its arguments. */
export function commandLine(
  { command, args }: Asked,
  own: { readonly entrypoint: readonly string[]; readonly cmd: readonly string[] },
): readonly string[] {
  if (command?.length) return [...command, ...(args ?? [])];
  return [...own.entrypoint, ...(args?.length ? args : own.cmd)];
}
