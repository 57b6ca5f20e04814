// Network namespaces by name, as `ip netns` keeps them: a file in /run/netns that holds the namespace open. Inside a lab /run is
// a file system of the lab's own, so names never meet those of the machine or of another lab.
import { check, type Exec } from './exec.ts';

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
