// A program at a real terminal: `script` (util-linux) gives it one, the test types and reads.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from '../../host/exec.ts';

export interface Size {
  readonly rows: number;
  readonly columns: number;
}

export class Terminal {
  readonly #child: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), 'vitrine-terminal-'));
  readonly #ended: Promise<number>;
  #said = '';
  #wake = (): void => {};

  /** `command` is a line of shell that the test wrote. */
  constructor(command: string, size: Size, env: NodeJS.ProcessEnv) {
    const line = `tty > ${this.#folder}/tty; stty rows ${size.rows} cols ${size.columns}; exec ${command}`;
    this.#child = spawn('script', ['-qec', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
      this.#wake();
    });
    this.#ended = once(this.#child, 'close').then(([code]) => {
      this.#wake();
      rmSync(this.#folder, { recursive: true });
      return code as number;
    });
  }

  type(text: string): void {
    this.#child.stdin!.write(text);
  }

  /** Resolves when the screen has shown `text` since the last time something was waited for. Rejects after 15 s. */
  async shows(text: string): Promise<void> {
    const limit = Date.now() + 15_000;
    while (!this.#said.includes(text)) {
      if (Date.now() > limit)
        throw new Error(`the terminal never showed ${JSON.stringify(text)}: ${JSON.stringify(this.#said)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#said = this.#said.slice(this.#said.indexOf(text) + text.length);
  }

  async resize({ rows, columns }: Size): Promise<void> {
    const tty = readFileSync(join(this.#folder, 'tty'), 'utf8').trim();
    await check(['stty', '-F', tty, 'rows', `${rows}`, 'cols', `${columns}`]);
  }

  /** Resolves with the exit code of the program. */
  ended(): Promise<number> {
    return this.#ended;
  }
}
