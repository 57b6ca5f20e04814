// The orders a shim gets: records of three fields, each ended by a zero byte (shim.ts reads them).

/**
 * `dir` PATH MODE · `bind` FROM PATH (read-only) · `device` FROM PATH · `link` TARGET PATH · `file` PATH TEXT, in this order of
 * writing, below the container's root; `env` NAME VALUE; `arg` WORD; everything else names one value.
 */
export type Order =
  | readonly ['dir' | 'bind' | 'device' | 'link' | 'file' | 'env', string, string]
  | readonly [
      'arg' | 'announces' | 'state' | 'log' | 'logsize' | 'root' | 'netns' | 'hostname' | 'workdir' | 'pid' | 'timeout',
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
