// Under load: requests spread evenly over a Service's pods, and a pod that is killed costs nobody more than 350 ms.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, TestLab } from '../harness/lab.ts';

const LOAD_CLIENT = new URL('../harness/load-client.mjs', import.meta.url).pathname;

interface Outcome {
  /** ms since the epoch at which the request began, and how many ms it took. */
  at: number;
  ms: number;
  pod?: string;
  error?: string;
}

interface RunningPod {
  name: string;
  uid: string;
  node: string;
}

const modes = ['iptables', 'nftables'] as const;

describe.each(modes)('a Service of three pods with %s', (proxyMode) => {
  const lab = new TestLab({ proxyMode });
  let clusterIP: string;
  let nodePort: string;

  const runningPods = async (): Promise<RunningPod[]> => {
    const list = JSON.parse(await lab.kubectl('get', 'pods', '-l', 'app=backend', '-o', 'json'));
    const ready = list.items.filter(
      ({ metadata, status }: { metadata: { deletionTimestamp?: string }; status: never }) => {
        const { conditions = [] } = status as { conditions?: { type: string; status: string }[] };
        return !metadata.deletionTimestamp && conditions.some((one) => one.type === 'Ready' && one.status === 'True');
      },
    );
    return ready.map(({ metadata, spec }: { metadata: { name: string; uid: string }; spec: { nodeName: string } }) => ({
      name: metadata.name,
      uid: metadata.uid,
      node: spec.nodeName,
    }));
  };

  /** What a process at `place` saw (load-client.mjs). */
  const load = async (place: string, ...words: (string | number)[]): Promise<Outcome[]> => {
    const { stdout, stderr } = await lab.exec(place, process.execPath, LOAD_CLIENT, ...words.map(String));
    expect(stderr).toBe('');
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  };

  /** kill -9 of the pod's first process; returns when that was, ms since the epoch. */
  const kill = ({ uid, node }: RunningPod): number => {
    const containers = `${lab.directory}/nodes/${node}/containers`;
    const newest = readdirSync(containers)
      .filter((file) => file.startsWith(uid) && file.endsWith('.run'))
      .sort()
      .at(-1);
    const [, pid] = /^init (\d+)/m.exec(readFileSync(`${containers}/${newest}`, 'utf8'))!;
    const victim = lab.hostPid(Number(pid));
    const at = Date.now();
    process.kill(victim, 'SIGKILL');
    return at;
  };

  beforeAll(async () => {
    await lab.up();
    await lab.kubectl('create', 'deployment', 'backend', '--image=echo', '--replicas=3', '--port=8080');
    await lab.kubectl('expose', 'deployment', 'backend', '--type=NodePort', '--port=80', '--target-port=8080');
    await lab.kubectl('wait', '--for=condition=Available', 'deployment/backend', '--timeout=20s');
    await eventually(runningPods, (pods) => pods.length === 3);
    clusterIP = await lab.kubectl('get', 'service', 'backend', '-o', 'jsonpath={.spec.clusterIP}');
    nodePort = await lab.kubectl('get', 'service', 'backend', '-o', 'jsonpath={.spec.ports[0].nodePort}');
    for (const place of ['node-1', 'node-2', 'node-3']) {
      await eventually(
        () => lab.exec(place, 'curl', '-s', '-m', '1', `http://${clusterIP}`),
        (said) => said.exitCode === 0,
      );
    }
  });
  afterAll(() => lab.remove());

  // 1,200 requests, so that a fair spread leaves the band of 8 % once in 10^8 runs.
  it.for(['pod', 'node-1', 'internet'])('spreads requests from a %s evenly, and none fails', async (from) => {
    const [pod] = await runningPods();
    const place = from === 'pod' ? `pod/${pod.name}` : from;
    const url = from === 'internet' ? `http://192.168.1.11:${nodePort}` : `http://${clusterIP}`;
    const outcomes = await load(place, url, 1200, 4, 0);
    expect(outcomes.filter(({ error }) => error)).toEqual([]);
    const counts = new Map<string, number>();
    for (const { pod: name } of outcomes) counts.set(name!, (counts.get(name!) ?? 0) + 1);
    expect(counts.size).toBe(3);
    for (const count of counts.values()) expect(Math.abs(count / 1200 - 1 / 3)).toBeLessThan(0.08);
  });

  // Tried again, for a machine with more work than processors is late at times whatever the lab does: a node that gets no turn
  // for 350 ms cannot change its rules. A lab that is too slow fails every time.
  const patience = { timeout: 180_000, retry: 2 };
  it('loses no request later than 350 ms after a pod is killed, twenty times', patience, async () => {
    const kills: number[] = [];
    const stopFile = `${lab.directory}/stop-load-${Date.now()}`;
    const loads = [
      load('node-1', `http://${clusterIP}`, 1_000_000, 2, 5, stopFile),
      load('internet', `http://192.168.1.12:${nodePort}`, 1_000_000, 2, 5, stopFile),
    ];
    for (let round = 0; round < 20; round++) {
      const pods = await eventually(runningPods, (ready) => ready.length === 3, 20_000);
      const victim = pods[round % 3];
      kills.push(kill(victim));
      await new Promise((resolve) => setTimeout(resolve, 400)); // what fails later than 350 ms must be seen
      await lab.kubectl('delete', 'pod', victim.name, '--wait=false'); // a fresh one restarts without back-off
      await eventually(
        runningPods,
        (ready) => ready.length === 3 && !ready.some(({ uid }) => uid === victim.uid),
        20_000,
      );
    }
    writeFileSync(stopFile, '');
    const outcomes = (await Promise.all(loads)).flat();
    const lateBy = ({ at, ms }: Outcome): number => at + ms - Math.max(...kills.filter((kill) => kill <= at + ms), 0);
    const late = outcomes.filter((outcome) => outcome.error && lateBy(outcome) > 350);
    expect(late.map((outcome) => ({ ...outcome, lateBy: lateBy(outcome) }))).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(2_000);
    expect(new Set(outcomes.map(({ pod }) => pod)).size).toBeGreaterThan(15);
  });
});
