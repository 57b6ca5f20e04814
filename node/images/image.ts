// What an image is here: programs of the machine itself, shown to a container. Nothing is downloaded.

/** A file or folder of the machine (`from`), read-only in the container (`to`). */
export interface Bind {
  readonly from: string;
  readonly to: string;
}

/** What the machine shows of itself in a container: binds, and links (`[target, path]`). */
export interface ImageContents {
  readonly binds: readonly Bind[];
  readonly links: readonly (readonly [string, string])[];
}

export interface Image {
  readonly name: string;
  /** Prepares what the image needs, below `directory` (the agent's own). Throws ImageError when the machine lacks it. */
  contents(directory: string): Promise<ImageContents>;
  /** The command line; empty when the image has none. `ports` are those the container declares. */
  command(asked: {
    command?: readonly string[];
    args?: readonly string[];
    ports: readonly number[];
  }): readonly string[];
  /** Its program says so on standard output when it is ready for work; starting waits for that, 1 s at most. */
  readonly announces?: true;
  readonly env: Readonly<Record<string, string>>;
}
