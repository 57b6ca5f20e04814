// Work in a process of its own, so that load and server do not share an event loop: given a job as JSON, answers JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs `program` (a module of this folder, built) on `job`; returns what it answered. `within` is a command that runs it, such
 * as `unshare -n`. Rejects when it fails.
 */
export async function runJob<Job, Answer>(
  program: string,
  job: Job,
  signal: AbortSignal,
  within: readonly string[] = [],
): Promise<Answer> {
  const path = new URL(`./${program}.js`, import.meta.url).pathname;
  const [command, ...words] = [...within, process.execPath, path];
  const child = spawn(command, words, { stdio: ['pipe', 'pipe', 'inherit'], signal });
  const closed = once(child, 'close');
  child.stdin.end(JSON.stringify(job));
  let answer = '';
  child.stdout.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  const [code] = await closed;
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  return JSON.parse(answer) as Answer;
}

/** The other side of runJob. */
export async function doJob<Job, Answer>(work: (job: Job) => Promise<Answer>): Promise<void> {
  let text = '';
  for await (const chunk of process.stdin) text += chunk;
  process.stdout.write(JSON.stringify(await work(JSON.parse(text) as Job)));
}
