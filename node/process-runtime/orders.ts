// The orders a shim gets: records of three fields, each ended by a zero byte (shim.ts reads them).

/**
 * `dir` PATH MODE · `bind` FROM PATH (read-only) · `mount` FROM PATH (writable) · `device` FROM PATH · `link` TARGET PATH ·
 * `file` PATH TEXT, in this order of writing, below the container's root; `env` NAME VALUE; `sysctl` PATH VALUE; `arg` WORD; `cgroup` PATH (any
 * number of them); everything else names one value:
 *
 * `base` an image's root, which the container writes over; `uid`, `gid` as whom it runs; `keep` the capabilities it keeps (numbers
 * with commas between them); `nonew`, `readonly` flags; `pidns` the pid whose processes it lives among;
 * `memory` bytes, only written down.
 * `tty`, `stdin`, `size` (ROWSxCOLUMNS) say how a session is talked to; `port` is what `dial` connects to; `attach` is the
 * socket for those who talk to the container, `stdinonce` ends its input with the first of them.
 */
export type Order =
  | readonly ['dir' | 'bind' | 'mount' | 'device' | 'link' | 'file' | 'env' | 'sysctl', string, string]
  | readonly [
      (
        | 'arg'
        | 'announces'
        | 'state'
        | 'log'
        | 'logsize'
        | 'root'
        | 'netns'
        | 'hostname'
        | 'workdir'
        | 'pid'
        | 'timeout'
        | 'base'
        | 'uid'
        | 'gid'
        | 'keep'
        | 'nonew'
        | 'readonly'
        | 'pidns'
        | 'cgroup'
        | 'memory'
        | 'tty'
        | 'stdin'
        | 'size'
        | 'stdinonce'
        | 'attach'
        | 'port'
      ),
      string,
    ];

/** System call numbers, by process.arch (Linux: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h). */
const SYSCALLS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  x64: {
    mount: 165,
    umount2: 166,
    pivot_root: 155,
    unshare: 272,
    setns: 308,
    setitimer: 38,
    sethostname: 170,
    prctl: 157,
    clock_gettime: 228,
    exit_group: 231,
    setsid: 112,
  },
  arm64: {
    mount: 40,
    umount2: 39,
    pivot_root: 41,
    unshare: 97,
    setns: 268,
    setitimer: 103,
    sethostname: 161,
    prctl: 167,
    clock_gettime: 113,
    exit_group: 94,
    setsid: 157,
  },
};

/** Throws on a value with a zero byte, which no path, argument or environment can carry, and on an unknown machine. */
export function encodeOrders(orders: readonly Order[], arch: string = process.arch): Buffer {
  const numbers = SYSCALLS[arch];
  if (!numbers) throw new Error(`containers cannot be run on ${arch}`);
  const records = [...Object.entries(numbers).map(([name, number]) => ['syscall', name, `${number}`]), ...orders];
  const fields = records.flatMap(([key, first, second = '']) => [key, first, second]);
  if (fields.some((field) => field.includes('\0'))) throw new Error('a value holds a zero byte');
  return Buffer.from(fields.map((field) => `${field}\0`).join(''));
}
