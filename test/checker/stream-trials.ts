// What kubectl's streams are put to: much in both directions, readers that are slow, and ends that nobody announced.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ExecResult, run } from '../../host/exec.ts';
import type { TestLab } from '../harness/lab.ts';

export interface Trial {
  readonly lab: TestLab;
  /** Path of a kubectl. */
  readonly kubectl: string;
  /** A file of the machine, and its md5. */
  readonly file: string;
  readonly sum: string;
}

const LIMIT_MS = 300_000;

/** Runs a line of shell in which `k` is kubectl. */
export function shell({ lab, kubectl }: Trial, line: string): Promise<ExecResult> {
  const define = `k() { ${kubectl} --kubeconfig ${lab.kubeconfig} "$@"; }`;
  return run(['sh', '-c', `${define}\n${line}`], { timeoutMs: LIMIT_MS, env: { ...process.env, HOME: lab.directory } });
}

/** What must be said; throws with what was. */
async function expectSaid(trial: Trial, line: string, wanted: string): Promise<void> {
  const { exitCode, stdout, stderr } = await shell(trial, line);
  const said = stdout.trim().split(/\s+/)[0];
  if (said !== wanted) throw new Error(`${line}: ${said}, not ${wanted} (exit code ${exitCode}) ${stderr.trim()}`);
}

/** Each by what it does; a trial rejects when something is lost. */
export const TRIALS: Readonly<Record<string, (trial: Trial) => Promise<void>>> = {
  'exec, in and out': (trial) => expectSaid(trial, `k exec -i box -- cat < ${trial.file} | md5sum`, trial.sum),
  'exec, out': (trial) => expectSaid(trial, 'k exec box -- head -c 100000000 /dev/zero | wc -c', '100000000'),
  'cp, into the pod': (trial) =>
    expectSaid(trial, `k cp ${trial.file} box:/tmp/large && k exec box -- md5sum /tmp/large`, trial.sum),
  'cp, out of the pod': (trial) =>
    expectSaid(trial, `k cp box:/tmp/large ${trial.file}.back > /dev/null && md5sum < ${trial.file}.back`, trial.sum),
  'port-forward': (trial) => {
    const { kubectl, lab } = trial;
    const said = '$HOME/forward';
    const lines = [
      `${kubectl} --kubeconfig ${lab.kubeconfig} port-forward pod/files :8000 > ${said} & pid=$!`,
      `until grep -q 127.0.0.1 ${said}; do sleep 0.1; done`,
      `port=$(sed -n 's/.*127.0.0.1:\\([0-9]*\\) ->.*/\\1/p' ${said})`,
      'curl -s http://127.0.0.1:$port/large | wc -c',
      'kill $pid; wait',
    ];
    return expectSaid(trial, lines.join('\n'), '104857600');
  },
  logs: async (trial) => {
    const { stdout } = await shell(trial, 'k exec talker -- sh -c "base64 /tmp/said | md5sum"');
    await expectSaid(trial, 'k logs talker | md5sum', stdout.slice(0, 32));
  },
  'a slow reader': (trial) =>
    expectSaid(trial, 'k exec box -- head -c 60000000 /dev/zero | (sleep 3; wc -c)', '60000000'),
  'a slow command': (trial) =>
    expectSaid(trial, 'head -c 60000000 /dev/zero | k exec -i box -- sh -c "sleep 3; wc -c"', '60000000'),
  'clients that are killed': async (trial) => {
    await Promise.all(
      [
        ['exec', 'box', '--', 'yes'],
        ['exec', 'box', '--', 'sleep', '4321'],
        ['exec', '-i', 'box', '--', 'cat'],
        ['attach', '-i', 'talker'],
        ['logs', '-f', 'talker'],
        ['port-forward', 'pod/files', ':8000'],
      ].map((words) => killed(trial, words)),
    );
  },
  'a pod that is deleted under its streams': async (trial) => {
    await shell(
      trial,
      'k run victim --image=busybox --command -- sleep 100000; k wait --for=condition=Ready pod/victim',
    );
    const streams = ['exec victim -- yes > /dev/null', 'exec victim -- sleep 4321', 'attach victim', 'logs -f victim'];
    const ended = streams.map((words) => shell(trial, `k ${words}`));
    await sleep(1000);
    await shell(trial, 'k delete pod victim --grace-period=0 --force');
    await Promise.all(ended); // each within the limit
  },
};

/** A client that is killed in the middle of it. */
async function killed({ kubectl, lab }: Trial, words: readonly string[]): Promise<void> {
  const argv = ['--kubeconfig', lab.kubeconfig, ...words];
  const client = spawn(kubectl, argv, { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(client, 'exit');
  client.stdin.on('error', () => {}).write(Buffer.alloc(8 << 20));
  await sleep(1500);
  client.kill('SIGKILL');
  await ended;
}

/** `count` short streams, so many at a time, each with an answer and an exit code of its own. */
export async function manyStreams(trial: Trial, count: number, lanes: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      const line = number % 5 === 4 ? 'k logs short' : `echo word-${number} | k exec -i box -- sh -c "cat; exit 7"`;
      const wanted = number % 5 === 4 ? 'short 0' : `word-${number} 7`;
      const { exitCode, stdout, stderr } = await shell(trial, line);
      const said = `${stdout.trim()} ${exitCode}`;
      if (said !== wanted) throw new Error(`${line}: ${said}, not ${wanted}: ${stderr.trim()}`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
