// One `nft -i` for all small transactions: 1 ms each, instead of 7 to 14 ms for an nft of its own.
//
// On a pipe nft shows no prompt and tells no end. So each text is followed by a word that nft cannot know: it says "syntax error" and
// repeats the word, without having asked the kernel anything, and what it said before is about the text. The text itself
// lies in a file without a name that nft includes by its descriptor: typed in, it would be read byte by byte and end at a newline.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExecError } from './exec.ts';
import { KeptProgram } from './kept-program.ts';

const FILE = 3;

export class KeptNft {
  readonly #argv: readonly string[];
  readonly #file = unnamedFile();
  readonly #program: KeptProgram;
  #last: Promise<unknown> = Promise.resolve();

  /** `argv` starts `nft -i` where its rules are. */
  constructor(argv: readonly string[]) {
    this.#argv = argv;
    this.#program = new KeptProgram({
      argv,
      file: this.#file,
      ask: (text, turn) => `${text && `include "/proc/self/fd/${FILE}"\n`}done_${turn}\n`,
      // "Error: syntax error, unexpected newline, expecting string", the line, and a caret under its place.
      answer: ({ stderr }, turn) => {
        const end = new RegExp(`(?:^|\\n)[^\\n]*Error: [^\\n]*\\ndone_${turn}\\n[ ^~]*\\n`).exec(stderr);
        return end ? stderr.slice(0, end.index) : undefined;
      },
    });
  }

  /** Atomically. Throws ExecError when the kernel or nft refuses, NotKeptError when nft cannot be kept running. */
  apply(text: string, timeoutMs: number): Promise<void> {
    // One after the other: the file is one.
    const turn = this.#last.then(() => this.#apply(text, timeoutMs));
    this.#last = turn.catch(() => undefined); // told to whoever asked
    return turn;
  }

  async #apply(text: string, timeoutMs: number): Promise<void> {
    ftruncateSync(this.#file);
    writeSync(this.#file, text, 0);
    const said = await this.#program.run(text, timeoutMs);
    if (/(^|: )Error: /m.test(said)) throw new ExecError(this.#argv, 1, said);
  }

  /** Not to be used afterwards. */
  async close(): Promise<void> {
    closeSync(this.#file);
    await this.#program.close();
  }
}

/** Gone with its last descriptor, whoever is killed. Throws where no file can be made. */
function unnamedFile(): number {
  const folder = mkdtempSync(join(tmpdir(), 'nft-'));
  const file = openSync(join(folder, 'transaction'), 'w+');
  rmSync(folder, { recursive: true });
  return file;
}
