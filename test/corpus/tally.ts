// Counts where two servers agree, and prints where they do not.
import type { Difference } from './answers.ts';

export class Tally {
  readonly #counts = { same: 0, words: 0, facts: 0 };
  #told = { ...this.#counts };

  count(name: string, { kind, lines }: Difference): void {
    this.#counts[kind]++;
    if (kind === 'same') return;
    process.stdout.write(`${name}${kind === 'words' ? ' (words only)' : ''}\n${lines.join('\n')}\n`);
  }

  /** Prints what was counted since the last part. */
  part(name: string): void {
    const { same, words, facts } = this.#counts;
    const told = this.#told;
    this.#told = { same, words, facts };
    process.stdout.write(
      `${name}: ${same - told.same} same, ${words - told.words} in words only, ${facts - told.facts} differ\n`,
    );
  }

  /** Prints the sum; returns the exit code. Words are told, and forgiven. */
  finish(): number {
    const { same, words, facts } = this.#counts;
    process.stdout.write(
      `${same} answers are the same, ${words} differ in words only, ${facts} differ (-: theirs, +: ours)\n`,
    );
    return facts === 0 ? 0 : 1;
  }
}
