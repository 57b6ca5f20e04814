// `vitrine exec PLACE -- COMMAND…`: runs a command of this machine at a place of the lab: on a node, on the internet, or beside a
// pod's containers, in their network and with their names for it (/etc/hosts, /etc/resolv.conf), as `ip netns exec` does it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { UsageError } from '../host/lifecycle.ts';
import { type Program, program } from '../host/program.ts';
import { directoryAt, dirFlag, needRunning } from './directory.ts';
import { findPlace, type Place } from './places.ts';
import { labPath } from './requirements.ts';

export const exec: Program = program({
  name: 'exec',
  summary: 'runs a command at a place of the lab',
  usage: '<node-1|internet|pod/NAME|pod/NAMESPACE/NAME> -- COMMAND…',
  flags: { dir: dirFlag },
  async run({ dir }, { positionals }) {
    const [name, ...command] = positionals;
    if (!name) throw new UsageError('name a place: node-1, internet, pod/NAME or pod/NAMESPACE/NAME');
    if (command.length === 0) throw new UsageError(`say what to run at ${name}, after --`);
    const directory = directoryAt(dir);
    const running = await needRunning(directory);
    const place = await findPlace(directory, running, name);
    return runAt(place, running.initPid, command);
  },
}) as Program;

/** A command that was killed by signal N ends with 128 + N, as shells say it. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 } as const;

/**
 * Runs inside the lab's namespaces, with names and mounts of its own, in the caller's directory. $1: that directory, $2: the place's
 * host name, $3: its network namespace, $4: a process whose files of /etc it sees, or nothing; the rest is the command, which nothing
 * reads but `exec`. Files are copied, because the kernel binds none from another mount namespace.
 */
const ENTER = `
if [ -n "$4" ]; then
  files=/run/etc
  mkdir -p $files && mount -n -t tmpfs -o mode=0755 tmpfs $files || exit 1
  for name in hosts hostname resolv.conf nsswitch.conf; do
    cp "/proc/$4/root/etc/$name" $files/ 2>/dev/null && [ -e "/etc/$name" ] && mount -n --bind $files/$name "/etc/$name"
  done
  umount -n -l $files
fi
cd "$1" 2>/dev/null || cd /
busybox hostname "$2"
netns=$3
shift 4
exec nsenter --net="$netns" -- "$@"
`;

/** Standard input and output are the caller's own; resolves with the command's exit code. */
async function runAt(place: Place, initPid: number, command: readonly string[]): Promise<number> {
  const enter = ['--preserve-credentials', '--user', '--mount', '--pid', `--target=${initPid}`];
  const words = [process.cwd(), place.hostname, place.netns, String(place.etcOf ?? ''), ...command];
  const env = { ...process.env, PATH: labPath() };
  const child = spawn(
    'nsenter',
    [...enter, '--', 'unshare', '--uts', ...(place.etcOf ? ['--mount'] : []), 'sh', '-c', ENTER, 'sh', ...words],
    {
      stdio: 'inherit',
      env,
    },
  );
  // Ctrl-C reaches the command by the terminal itself; a SIGTERM sent to us alone is passed on.
  process.removeAllListeners('SIGINT');
  process.on('SIGINT', () => {});
  process.removeAllListeners('SIGTERM');
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const failed = once(child, 'error').then(([error]) => {
    throw new UsageError(`cannot enter the lab: ${(error as Error).message}`, 1);
  });
  const [exitCode, signal] = (await Promise.race([once(child, 'exit'), failed])) as [
    number | null,
    keyof typeof SIGNALS | null,
  ];
  return exitCode ?? 128 + (SIGNALS[signal!] ?? 0);
}
