// How a start goes, for the person in front of it: a line for every step that is done, with its time; on a terminal also, below
// them, what is still waited for, as time goes by.
import { type Clock, systemClock } from '../host/clock.ts';
import { elapsed } from './talk.ts';

/** Where the words go: standard output. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressOptions {
  /** ms since the epoch: what the times count from. */
  readonly startedAt: number;
  readonly steps: readonly string[];
  readonly screen?: Screen;
  readonly clock?: Clock;
}

const REDRAW_EVERY_MS = 100;
/** Of a terminal that does not know its width (0 columns). */
const UNKNOWN_WIDTH = 80;
/** Back to the start of the line, and nothing on it (ECMA-48, EL). */
const CLEAR = '\r\x1b[K';

export class Progress {
  readonly #startedAt: number;
  readonly #waiting: Set<string>;
  readonly #screen: Screen;
  readonly #clock: Clock;
  #isDrawn = false;

  constructor({ startedAt, steps, screen = process.stdout, clock = systemClock }: ProgressOptions) {
    this.#startedAt = startedAt;
    this.#waiting = new Set(steps);
    this.#screen = screen;
    this.#clock = clock;
  }

  /** `step` is done: `line` tells it, after the time since the start. */
  done(step: string, line: string): void {
    this.#waiting.delete(step);
    this.say(`${this.#time()}  ${line}`);
  }

  /** Any other line. */
  say(line: string): void {
    this.#clear();
    this.#screen.write(`${line}\n`);
  }

  /** Shows what is waited for until that is nothing, or `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (this.#screen.isTTY && this.#waiting.size > 0 && !signal.aborted) {
      this.#draw();
      await this.#clock.sleep(REDRAW_EVERY_MS, signal).catch(() => {}); // rejects only by the signal, which the loop reads next
    }
    this.#clear();
  }

  /** One line, however narrow the terminal is: a wrapped one could not be taken back. */
  #draw(): void {
    const line = `${this.#time()}  waiting for ${[...this.#waiting].join(', ')}`;
    this.#screen.write(`${CLEAR}${line.slice(0, (this.#screen.columns || UNKNOWN_WIDTH) - 1)}`);
    this.#isDrawn = true;
  }

  #clear(): void {
    if (this.#isDrawn) this.#screen.write(CLEAR);
    this.#isDrawn = false;
  }

  #time(): string {
    return elapsed(this.#startedAt, this.#clock.now());
  }
}
