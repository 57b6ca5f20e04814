// The box a lab lives in: a user, mount and pid namespace of its own, for root and ordinary users alike. It stays in the machine's
// network namespace, which its user namespace has no power over. When the box's first process ends, the kernel ends all
// the others, and with them go every mount, network namespace and rule: nothing can be left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Directory } from './directory.ts';

/** `flock` ends with this when another lab holds the lock. */
export const LOCKED = 75;

/** What the supervisor says on fd 3 when all nodes have been Ready. */
export const READY = 'ready\n';

/**
 * The box's first process: `sh` waits for the supervisor and, as every shell that waits, reaps whatever is orphaned.
 * Before /proc is mounted anew, /proc/self still tells the pid by which the machine knows this process. /run becomes a
 * file system of the lab's own, so that /run/netns is too; what the machine has in /run stays reachable by its old paths.
 */
const INIT = `
read -r initPid _ < /proc/self/stat
set -e
mount -n -t proc proc /proc
mount -n -t tmpfs -o mode=0755 tmpfs "$1"
mkdir "$1/machine"
mount -n --rbind /run "$1/machine"
mount -n --move "$1" /run
(cd /run && ln -s machine/* . 2>/dev/null || true; rm -f netns xtables.lock)
mkdir /run/netns
shift
set +e
"$@" --init-pid "$initPid" &
wait $!
`;

export interface SandboxOptions {
  directory: Directory;
  /** What runs inside; `--init-pid PID` is added to it. */
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
}

/**
 * Starts the box. It is a session of its own, so that Ctrl-C at the terminal reaches the launcher alone; the launcher holds the
 * other end of the supervisor's fd 3, and when that closes, by will or because the launcher was killed, the lab ends.
 */
export function startSandbox({ directory, argv, env }: SandboxOptions): ChildProcess {
  const unshare = 'unshare --user --map-root-user --mount --pid --fork --kill-child'.split(' ');
  const lock = ['flock', '--nonblock', '--no-fork', '--conflict-exit-code', String(LOCKED), directory.lock];
  const [program, ...words] = [...lock, ...unshare, 'sh', '-c', INIT, 'vitrine-lab', directory.run, ...argv];
  return spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit', 'pipe'], detached: true, env });
}
