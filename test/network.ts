// Tests that need a kernel of their own: a script of ours, bundled, run as root of a fresh user and network namespace, where
// it may build links and rules as it likes; nothing of it touches the machine, and all goes with its last process.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { check, type Exec } from '../host/exec.ts';

export interface Script {
  /**
   * Runs the script in a new namespace with `/run` of its own, `input` as JSON on its standard input; resolves with the
   * JSON it printed. Rejects with what it said on standard error when it fails.
   */
  run<T>(input: unknown, options?: { timeoutMs?: number }): Promise<T>;
  remove(): void;
}

/** Bundles a TypeScript file (a path from the project's root) that calls `answer` of this module. */
export async function namespaceScript(entry: string): Promise<Script> {
  const root = new URL('..', import.meta.url).pathname;
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-network-'));
  const outfile = join(folder, 'script.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['esbuild', 'classic-level', 'pino', 'pino-pretty'],
    nodePaths: [join(root, 'node_modules')],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  // Packages left outside the bundle are found from the project, wherever the bundle lies.
  await check(['ln', '-s', join(root, 'node_modules'), join(folder, 'node_modules')]);
  return {
    async run<T>(input: unknown, { timeoutMs = 60_000 } = {}): Promise<T> {
      const argv = apart([process.execPath, outfile]);
      return JSON.parse(await check(argv, { input: JSON.stringify(input), timeoutMs })) as T;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The command as root of fresh namespaces, with `/run` and a loopback of its own; all it starts ends with it. */
export function apart(argv: readonly string[]): string[] {
  const inside = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$0" "$@"';
  return ['unshare', '-Urnmpf', '--mount-proc', '--kill-child', 'sh', '-c', inside, ...argv];
}

/** For the script: reads its input, answers with what `work` returns, and ends. */
export async function answer<I, O>(work: (input: I) => Promise<O>): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const output = await work(JSON.parse(Buffer.concat(chunks).toString()) as I);
  process.stdout.write(JSON.stringify(output), () => process.exit(0));
}

/** Runs lines of a shell script that the test itself wrote. */
export function shell(script: string, exec: Exec = check): Promise<string> {
  return exec(['sh', '-ec', script]);
}
