// Running other programs: argument arrays only, never a shell; every run has a limit in time and in output.
import { spawn } from 'node:child_process';

export interface ExecOptions {
  /** Fed to the program's standard input. */
  input?: string | Buffer;
  /** ms until the program is killed; default 30,000. */
  timeoutMs?: number;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  signal?: AbortSignal;
  /** Gets standard output while it comes, instead of the result; what it throws ends the program. */
  onOutput?: (piece: string) => void;
}

export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** The program ran and failed, was killed, or could not be started (`exitCode` 127, as a shell says it). */
export class ExecError extends Error {
  readonly exitCode: number;
  readonly stderr: string;

  constructor(argv: readonly string[], exitCode: number, stderr: string) {
    super(`${argv.join(' ')}: ${stderr.trim() || `exit code ${exitCode}`}`);
    this.name = 'ExecError';
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

/** Runs `argv` to its end and returns what it said, whatever its exit code. Throws ExecError when it cannot be started. */
export function run(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const { input, timeoutMs = 30_000, env, cwd, signal, onOutput } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), { env, cwd, signal, killSignal: 'SIGKILL' });
    // Not spawn's own `timeout`: its timer lives on, and keeps the process alive, when the program cannot be started.
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const end = (error: Error): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(error);
    };
    if (onOutput) child.stdout.setEncoding('utf8').on('data', (piece: string) => attempt(() => onOutput(piece), end));
    else child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => {}); // a program that ends without reading its input is judged by its exit code
    child.stdin.end(input);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new ExecError(argv, 127, error.message));
    });
    child.on('close', (code, killedBy) => {
      clearTimeout(timer);
      const said = Buffer.concat(stderr).toString();
      if (code === null) return reject(new ExecError(argv, 128, `${said}killed by ${killedBy}`));
      resolve({ exitCode: code, stdout: Buffer.concat(stdout).toString(), stderr: said });
    });
  });
}

function attempt(work: () => void, failed: (error: Error) => void): void {
  try {
    work();
  } catch (error) {
    failed(error as Error);
  }
}

/** Runs a program; what a test replaces to see commands instead of running them. */
export interface Exec {
  /** Runs `argv` and returns its standard output; throws ExecError when it fails. */
  (argv: readonly string[], options?: ExecOptions): Promise<string>;
  /** How `argv` is spelt to run where this Exec runs programs; absent: a program cannot be kept running there. */
  readonly spell?: (argv: readonly string[]) => readonly string[];
}

/** `spell` leads to the place: `(argv) => ['nsenter', '--net=…', '--', ...argv]`. */
export function execAt(spell: (argv: readonly string[]) => readonly string[]): Exec {
  const exec = async (argv: readonly string[], options: ExecOptions = {}): Promise<string> => {
    const result = await run(spell(argv), options);
    if (result.exitCode !== 0) throw new ExecError(argv, result.exitCode, result.stderr);
    return result.stdout;
  };
  return Object.assign(exec, { spell });
}

/** Here, as we are. */
export const check: Exec = execAt((argv) => argv);
