// A whole lab for a test: `vitrine lab up` in a folder of its own, as root or as an ordinary user, and the proof that nothing of it is
// left when it has ended.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, type ExecResult, run } from '../../host/exec.ts';

export const VITRINE = new URL('../../bin/vitrine', import.meta.url).pathname;
const USER = 'vitrine-test';

export interface LabOptions {
  proxyMode?: 'iptables' | 'nftables';
  nodes?: number;
  /** `echo` runs in place of images that do not exist. */
  standInImages?: boolean;
  /** Runs everything as an ordinary user, who is made for it; needs root. */
  asUser?: boolean;
  /** Programs of /usr/sbin that the machine lacks, for this lab; needs root. */
  without?: readonly string[];
}

/** /usr/sbin without some programs ($2 … up to a word `--`), for the command that follows; $1: an empty folder. */
const HIDE = `
mount -n --bind /usr/sbin "$1" && mount -n -t tmpfs -o mode=0755 tmpfs /usr/sbin && ln -s "$1"/* /usr/sbin/ || exit
shift
while [ "$1" != -- ]; do rm "/usr/sbin/$1"; shift; done
shift
exec "$@"
`;

export class TestLab {
  readonly directory: string;
  readonly #prefix: readonly string[];
  /** Where the machine's programs are for a lab that is to lack some. */
  readonly #programs: string;
  readonly #options: LabOptions;

  constructor(options: LabOptions = {}) {
    this.#options = options;
    this.directory = mkdtempSync(join(tmpdir(), 'vitrine-lab-'));
    this.#programs = join(this.directory, 'programs');
    if (options.without) mkdirSync(this.#programs);
    const { without = [] } = options;
    this.#prefix = [
      ...(without.length > 0 ? ['unshare', '--mount', 'sh', '-c', HIDE, 'sh', this.#programs, ...without, '--'] : []),
      ...(options.asUser ? ['runuser', '-u', USER, '--'] : []),
    ];
    if (options.asUser) {
      const uid = makeUser();
      chownSync(this.directory, uid, uid);
    }
    chmodSync(this.directory, 0o755);
  }

  get kubeconfig(): string {
    return join(this.directory, 'kubeconfig');
  }

  /** Returns when all nodes are Ready; rejects with the lab's words. */
  async up(): Promise<string> {
    const { proxyMode = 'iptables', nodes = 3, standInImages = false } = this.#options;
    const flags = [`--proxy-mode=${proxyMode}`, `--nodes=${nodes}`, ...(standInImages ? ['--stand-in-images'] : [])];
    return this.vitrine('lab', 'up', '--detach', ...flags);
  }

  async down(): Promise<void> {
    await this.vitrine('lab', 'down');
  }

  /** Ends the lab if it runs, and deletes its folder. */
  async remove(): Promise<void> {
    await run(this.#argv('lab', 'down')); // says so when none runs
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Standard output of `vitrine COMMAND --dir …`; rejects when it fails. */
  vitrine(...words: string[]): Promise<string> {
    return check(this.#argv(...words), { cwd: '/', timeoutMs: 120_000 });
  }

  kubectl(...words: string[]): Promise<string> {
    return check([...this.#prefix, 'kubectl', `--kubeconfig=${this.kubeconfig}`, ...words], { cwd: '/' });
  }

  /** `kubectl apply` of one object, or of a List. */
  apply(object: object): Promise<string> {
    const argv = [...this.#prefix, 'kubectl', `--kubeconfig=${this.kubeconfig}`, 'apply', '-f', '-'];
    return check(argv, { cwd: '/', input: JSON.stringify(object), timeoutMs: 120_000 });
  }

  /** Runs a command beside the lab: as the user who has it, on the machine as it is for him. */
  beside(...command: string[]): Promise<ExecResult> {
    return run([...this.#prefix, ...command], { cwd: '/' });
  }

  /** Runs a command at a place of the lab, whatever its exit code. */
  exec(place: string, ...command: string[]): Promise<ExecResult> {
    return run(this.#argv('exec', place, '--', ...command), { cwd: '/', timeoutMs: 200_000 });
  }

  /** `vitrine tutorial`, in a lab of its own, whatever its exit code. */
  walkTutorial(...flags: string[]): Promise<ExecResult> {
    const argv = [...this.#prefix, VITRINE, 'tutorial', ...flags];
    return run(argv, { cwd: '/', timeoutMs: 400_000, env: { ...process.env, HOME: this.directory } });
  }

  /** The lab's processes as the machine sees them: all in its first process's user namespace. */
  processes(): number[] {
    const { initPid } = JSON.parse(readFileSync(join(this.directory, 'run/lab.json'), 'utf8')) as { initPid: number };
    return processesIn(userNamespaceOf(initPid));
  }

  /** The pid by which the machine knows the process that is `pid` inside the lab. */
  hostPid(pid: number): number {
    const found = this.processes().find((candidate) => {
      const [, own] = /^NSpid:\t(\d+.*)$/m.exec(readFileSync(`/proc/${candidate}/status`, 'utf8'))!;
      return own.split('\t')[1] === String(pid);
    });
    if (!found) throw new Error(`no process of the lab is ${pid}`);
    return found;
  }

  /** Identity of the lab's user namespace, to look for leftovers with when the lab has ended. */
  userNamespace(): string {
    const [pid] = this.processes();
    return userNamespaceOf(pid);
  }

  #argv(...words: string[]): string[] {
    const at = words[0] === 'lab' ? 2 : 1;
    return [...this.#prefix, VITRINE, ...words.slice(0, at), `--dir=${this.directory}`, ...words.slice(at)];
  }
}

const held = new Map<string, number>();

/** The user namespace of a process: a name that the kernel gives to no other one for as long as this test runs (`user:[4026532177]`). */
export function userNamespaceOf(pid: number): string {
  const file = openSync(`/proc/${pid}/ns/user`, 'r');
  const name = readlinkSync(`/proc/self/fd/${file}`);
  if (held.has(name)) closeSync(file);
  else held.set(name, file); // open, it keeps its number
  return name;
}

/** Processes whose user namespace is this one. */
export function processesIn(userNamespace: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/user`) === userNamespace;
    } catch {
      return false; // it ended while we looked
    }
  });
}

function makeUser(): number {
  try {
    return Number(execFileSync('id', ['-u', USER], { stdio: 'pipe' }));
  } catch {
    execFileSync('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', USER]);
    return Number(execFileSync('id', ['-u', USER]));
  }
}

/** Asks again until `accept` likes the answer; rejects with the last one after `withinMs`. */
export async function eventually<T>(
  ask: () => Promise<T>,
  accept: (answer: T) => boolean,
  withinMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (accept(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`still, after ${withinMs} ms: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
