// What a machine must have before a lab can stand on it, and how to get what is missing.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../host/exec.ts';

/** Program → the Debian package that brings it. */
const PROGRAMS: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  bridge: 'iproute2',
  nft: 'nftables',
  iptables: 'iptables',
  'iptables-save': 'iptables',
  'iptables-restore': 'iptables',
  conntrack: 'conntrack',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  flock: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  busybox: 'busybox-static',
  perl: 'perl-base',
};

/** Debian keeps network tools where an ordinary user's PATH does not look. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The caller's PATH with the system folders after it: what everything in the lab runs with. */
export function labPath(path = process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin'): string {
  const folders = path.split(':');
  return [...folders, ...SYSTEM_FOLDERS.filter((folder) => !folders.includes(folder))].join(':');
}

/** The programs that no folder of `path` holds. */
export async function missingPrograms(path: string, programs = Object.keys(PROGRAMS)): Promise<string[]> {
  const found = await Promise.all(
    programs.map(async (name) => {
      const tries = path.split(':').map((folder) => access(join(folder, name), constants.X_OK));
      return Promise.any(tries).then(
        () => true,
        () => false,
      );
    }),
  );
  return programs.filter((_, index) => !found[index]);
}

/** Says which programs are missing and the one line that installs them; undefined when nothing is missing. */
export function explainMissing(programs: readonly string[], uid: number): string | undefined {
  if (programs.length === 0) return undefined;
  const packages = [...new Set(programs.map((name) => PROGRAMS[name]))].sort();
  const sudo = uid === 0 ? '' : 'sudo ';
  return (
    `this machine lacks ${programs.join(', ')}; on Debian or Ubuntu install with:\n` +
    `  ${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends ${packages.join(' ')}`
  );
}

/** Whether this user may make the namespaces a lab lives in; if not, says what forbids it and how to allow it. */
export async function namespaceTrouble(path: string): Promise<string | undefined> {
  const argv = ['unshare', '--user', '--map-root-user', '--mount', '--net', '--pid', '--fork', 'true'];
  const { exitCode, stderr } = await run(argv, { env: { ...process.env, PATH: path } });
  if (exitCode === 0) return undefined;
  const remedies = (await Promise.all(SWITCHES.map(explainSwitch))).filter((text) => text !== undefined);
  const advice = remedies.length > 0 ? remedies.join('\n') : CONTAINER_ADVICE;
  return `this user may not make user and network namespaces (${stderr.trim()})\n${advice}`;
}

const CONTAINER_ADVICE =
  '  in a container: allow it with --privileged, or --security-opt seccomp=unconfined --security-opt systempaths=unconfined';

/** Kernel switches that forbid unprivileged user namespaces, the value that does, and the one that allows them. */
const SWITCHES = [
  { key: 'user/max_user_namespaces', forbids: '0', allows: '10000' },
  { key: 'kernel/unprivileged_userns_clone', forbids: '0', allows: '1' },
  { key: 'kernel/apparmor_restrict_unprivileged_userns', forbids: '1', allows: '0' },
] as const;

async function explainSwitch({ key, forbids, allows }: (typeof SWITCHES)[number]): Promise<string | undefined> {
  const { stdout } = await run(['cat', `/proc/sys/${key}`]); // a kernel without the switch says so and forbids nothing
  return stdout.trim() === forbids
    ? `  allow it with: sudo sysctl -w ${key.replaceAll('/', '.')}=${allows}`
    : undefined;
}
