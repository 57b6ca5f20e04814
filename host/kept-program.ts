// A program that is kept running and fed one text after another. Starting nft or iptables-restore from a large Node process
// costs 7 to 30 ms (the fork, the linker, and at its end a wait for the kernel's grace period); a small text costs a kept one 1 ms.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { ExecError } from './exec.ts';

/** How one program is spoken to. */
export interface Dialogue {
  readonly argv: readonly string[];
  /** An open file that the program finds as descriptor 3. */
  readonly file?: number;
  /** What to write so that the program works `text` off and then says that it did; '' asks for no more than that. */
  ask(text: string, turn: number): string;
  /** What the program said about the text, once all of it is there; undefined until then. */
  answer(said: { stdout: string; stderr: string }, turn: number): string | undefined;
}

/** The program cannot be kept running here: it is missing, or does not answer as it should. Texts go another way. */
export class NotKeptError extends Error {
  constructor(argv: readonly string[], why: string) {
    super(`${argv.join(' ')} cannot be kept running: ${why}`);
    this.name = 'NotKeptError';
  }
}

/** Nothing that grows inside the program grows without end. */
const MOST_TURNS = 1000;
const FIRST_ANSWER_MS = 5000;
const LAST_TURN_MS = 5000;

interface Running {
  readonly child: ChildProcess;
  stdout: string;
  stderr: string;
  turn: number;
  /** Looks whether what came is an answer; set while one is awaited. */
  heard: () => void;
  ended: ((exitCode: number) => void) | undefined;
  /** Resolves when the program has ended. */
  readonly gone: Promise<unknown>;
}

/** Starts when first needed and again after it died. It never keeps our process alive, and ends with it. */
export class KeptProgram {
  readonly #dialogue: Dialogue;
  #running: Running | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #trouble: NotKeptError | undefined;

  constructor(dialogue: Dialogue) {
    this.#dialogue = dialogue;
  }

  /**
   * Has `text` worked off, after those before it; resolves with what the program said. Throws NotKeptError when nothing was
   * told to the program, ExecError when it died or did not answer within `timeoutMs`: what became of the text is not known then.
   */
  run(text: string, timeoutMs: number): Promise<string> {
    const turn = this.#last.then(() => this.#run(text, timeoutMs));
    this.#last = turn.catch(() => undefined); // told to whoever asked; those behind start anew
    return turn;
  }

  /** Ends the program, and resolves when it has ended; it starts again when needed. */
  async close(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (!running) return;
    hold(running, true);
    running.child.stdin!.end();
    const timer = setTimeout(() => running.child.kill('SIGKILL'), LAST_TURN_MS);
    await running.gone;
    clearTimeout(timer);
  }

  async #run(text: string, timeoutMs: number): Promise<string> {
    if (this.#trouble) throw this.#trouble;
    if (this.#running && this.#running.turn >= MOST_TURNS) void this.close(); // its end is nobody's to wait for
    const running = this.#running ?? (await this.#start());
    return this.#take(running, text, timeoutMs);
  }

  async #start(): Promise<Running> {
    const { argv, file } = this.#dialogue;
    const child = spawn(argv[0], argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe', file ?? 'ignore'] });
    const gone = new Promise((resolve) => child.once('close', resolve));
    const running: Running = { child, stdout: '', stderr: '', turn: 0, heard: () => undefined, ended: undefined, gone };
    this.#listen(running);
    hold(running, false);
    this.#running = running;
    try {
      await this.#take(running, '', FIRST_ANSWER_MS);
    } catch (error) {
      this.#trouble = new NotKeptError(argv, (error as Error).message);
      throw this.#trouble;
    }
    return running;
  }

  #listen(running: Running): void {
    const { child } = running;
    const gone = (exitCode: number, why = ''): void => {
      if (this.#running === running) this.#running = undefined;
      running.stderr += why;
      running.ended?.(exitCode);
    };
    child.on('error', (error) => gone(127, error.message));
    child.on('close', (code, killedBy) => gone(code ?? 128, killedBy ? `killed by ${killedBy}` : ''));
    child.stdin!.on('error', () => {}); // its end is told by 'close'
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]!.setEncoding('utf8').on('data', (text: string) => {
        running[name] += text;
        running.heard();
      });
    }
  }

  #take(running: Running, text: string, timeoutMs: number): Promise<string> {
    running.turn += 1;
    const { turn, child } = running;
    return new Promise<string>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        hold(running, false);
        running.heard = () => undefined;
        running.ended = undefined;
      };
      const fail = (exitCode: number, why: string): void => {
        settle();
        reject(new ExecError(this.#dialogue.argv, exitCode, why));
      };
      const timer = setTimeout(() => {
        if (this.#running === running) this.#running = undefined;
        child.kill('SIGKILL');
        fail(128, `no answer within ${timeoutMs} ms`);
      }, timeoutMs);
      running.stdout = '';
      running.stderr = '';
      running.ended = (exitCode) => fail(exitCode, running.stderr);
      running.heard = () => {
        const answer = this.#dialogue.answer(running, turn);
        if (answer === undefined) return;
        settle();
        resolve(answer);
      };
      hold(running, true);
      child.stdin!.write(this.#dialogue.ask(text, turn));
    });
  }
}

/** Whether our process waits for the program to end or speak. */
function hold({ child }: Running, isHeld: boolean): void {
  const how = isHeld ? 'ref' : 'unref';
  child[how]();
  for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as Writable & Handle)[how]?.();
}

/** Pipes to a child are sockets, which can be held. */
interface Handle {
  ref?(): void;
  unref?(): void;
}
