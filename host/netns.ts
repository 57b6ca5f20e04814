// Network namespaces by name, as `ip netns` keeps them: a file in /run/netns that holds the namespace open. Inside a lab /run is
// a file system of the lab's own, so names never meet those of the machine or of another lab.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { check, type Exec, ExecError, execAt } from './exec.ts';

const RUN_NETNS = '/run/netns';

/** File names that `ip netns` takes and no shell, path or option parser misreads. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

function checked(name: string): string {
  if (!NAME.test(name)) throw new Error(`not a network namespace name: ${JSON.stringify(name)}`);
  return name;
}

/** `node-1` → `/run/netns/node-1`. Throws on a name that is no plain file name. */
export function netnsPath(name: string): string {
  return `${RUN_NETNS}/${checked(name)}`;
}

/** Makes empty namespaces (only `lo`, down), all in one run of `ip`. Rejects when one of them exists already. */
export async function addNetns(names: string | readonly string[], exec: Exec = check): Promise<void> {
  await batch('add', names, exec);
}

/** Lets go of the names; the kernel frees a namespace when its last process has ended. Rejects when one does not exist. */
export async function deleteNetns(names: string | readonly string[], exec: Exec = check): Promise<void> {
  await batch('delete', names, exec);
}

async function batch(verb: 'add' | 'delete', names: string | readonly string[], exec: Exec): Promise<void> {
  const lines = [names].flat().map((name) => `netns ${verb} ${checked(name)}\n`);
  if (lines.length > 0) await exec(['ip', '-batch', '-'], { input: lines.join('') });
}

/** `argv` made to run inside the network namespace at `path` (`/run/netns/NAME` or `/proc/PID/ns/net`), all else unchanged. */
export function inNetns(path: string, argv: readonly string[]): string[] {
  if (!path.startsWith('/')) throw new Error(`not the path of a network namespace: ${JSON.stringify(path)}`);
  return ['nsenter', `--net=${path}`, '--', ...argv];
}

/** Goes with `end`, or with this process. */
export interface ScratchNetns {
  /** Runs programs there. */
  readonly exec: Exec;
  /** Resolves when it is gone. */
  end(): Promise<void>;
}

/** An empty namespace without a name, beside the one where `exec` runs programs. Throws ExecError where none can be made. */
export async function scratchNetns(exec: Exec = check): Promise<ScratchNetns> {
  // Its holder says when it is there, and ends with its standard input.
  const argv = ['unshare', '--net', '--', 'sh', '-c', 'echo ready; exec cat'];
  if (!exec.spell) throw new ExecError(argv, 127, 'no program can be kept running here');
  const [command, ...words] = exec.spell(argv);
  const holder = spawn(command, words, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  holder.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  holder.stdin.on('error', () => {}); // its end is told by 'close'
  const closed = once(holder, 'close');
  const gone = closed.then(([code]) => Promise.reject(new ExecError(argv, Number(code ?? 128), said)));
  await Promise.race([once(holder.stdout, 'data'), gone]);
  gone.catch(() => undefined); // what runs there afterwards tells that it is gone
  return {
    exec: execAt((inside) => inNetns(`/proc/${holder.pid}/ns/net`, inside)),
    async end() {
      holder.stdin.end();
      await closed;
    },
  };
}
