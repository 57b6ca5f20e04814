// The supervised processes of a lab, by name: started, stopped one by one or all, and watched for the one that cannot go on.
import { Child, type ChildOptions, type ChildState } from './child.ts';

interface Entry {
  readonly child: Child;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

export class Processes {
  readonly #entries = new Map<string, Entry>();
  readonly #failure = new AbortController();
  #isOver = false;

  /** Aborts, with a GaveUpError as its reason, when one of the processes crashed too often. */
  get failure(): AbortSignal {
    return this.#failure.signal;
  }

  states(): ChildState[] {
    return [...this.#entries.values()].map(({ child }) => child.state);
  }

  isRunning(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Throws when one of this name runs already. Does nothing after `stopAll`: what was still being prepared then comes too late. */
  start(options: ChildOptions): void {
    const { name } = options;
    if (this.#isOver) return;
    if (this.#entries.has(name)) throw new Error(`${name} runs already`);
    const stop = new AbortController();
    const child = new Child(options);
    const done = child.keepRunning(stop.signal).catch((error: unknown) => this.#failure.abort(error));
    this.#entries.set(name, { child, stop, done });
  }

  /** SIGTERM, and SIGKILL when that is not enough; resolves when they are gone. */
  async stop(names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        const entry = this.#entries.get(name);
        entry?.stop.abort();
        await entry?.done;
        this.#entries.delete(name);
      }),
    );
  }

  /** All but `last` at once, then `last` one by one. */
  async stopAll(last: readonly string[]): Promise<void> {
    this.#isOver = true;
    await this.stop([...this.#entries.keys()].filter((name) => !last.includes(name)));
    for (const name of last) await this.stop([name]);
  }
}
