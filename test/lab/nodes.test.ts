// The nodes of a lab that runs: one loses its power and boots again, one joins, one goes for good.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, TestLab } from '../harness/lab.ts';

describe('a lab of two nodes', () => {
  const lab = new TestLab({ nodes: 2 });
  let clusterIP: string;
  let said: string;

  const get = (path: string, ...words: string[]): Promise<string> =>
    lab.kubectl('get', ...words, '-o', `jsonpath=${path}`).catch(String);
  const statuses = async (): Promise<string> => {
    const path = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}';
    return (await get(path, 'nodes')).trim();
  };
  /** Where the Service's ready endpoints are: `node-1 node-2`. */
  const readyNodes = async (): Promise<string> => {
    const path = '{.items[*].endpoints[?(@.conditions.ready==true)].nodeName}';
    const found = await get(path, 'endpointslices', '-l', 'kubernetes.io/service-name=backend');
    return [...new Set(found.split(' '))].sort().join(' ');
  };
  /** Endpoints on these nodes, and from each of them all of so many pods answer. */
  const serves = async (nodes: string, podCount: number): Promise<void> => {
    await eventually(readyNodes, (found) => found === nodes, 20_000);
    const whoAnswers = async (): Promise<string[]> => [...new Set(await askAll(nodes.split(' ')))];
    await eventually(whoAnswers, (pods) => pods.length === podCount && !pods.includes('pod: none'));
  };
  /** Which pods answer when every node asks often: rules of all nodes send to all pods, and to none that is gone. */
  const askAll = async (nodes: readonly string[]): Promise<string[]> => {
    const script = `for i in $(seq 40); do curl -s -m 2 http://${clusterIP} || echo "pod: none"; done`;
    const said = await Promise.all(nodes.map((node) => lab.exec(node, 'sh', '-c', script)));
    return said.flatMap(({ stdout }) => stdout.match(/^pod: .*/gm) ?? []);
  };
  /** Containers of `node` that live: what its shims wrote down, as far as the processes are still there. */
  const shims = (node: string): number =>
    lab.processes().filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`/${node}/shim.pl`);
      } catch {
        return false; // it ended while we looked
      }
    }).length;

  beforeAll(async () => {
    said = await lab.up();
    await lab.kubectl('create', 'deployment', 'backend', '--image=echo', '--replicas=4');
    await lab.kubectl('expose', 'deployment', 'backend', '--port=80', '--target-port=8080');
    await lab.kubectl('wait', '--for=condition=Available', 'deployment/backend', '--timeout=20s');
    clusterIP = await get('{.spec.clusterIP}', 'service', 'backend');
    await serves('node-1 node-2', 4);
  });
  afterAll(() => lab.remove());

  it('tells its steps with their times', () => {
    const steps = ['network: 2 nodes are 192.168.1.10 to 192.168.1.11', 'API server: https://127', 'node-1 is Ready'];
    for (const step of steps) expect(said).toMatch(new RegExp(`^ +\\d+\\.\\d\\d s  ${step}`, 'm'));
    expect(said).toMatch(/To stop: .*lab down/);
    expect(said).not.toContain('\r');
  });

  it('shows what there is, and what it costs', async () => {
    const shown = await lab.vitrine('lab', 'status');
    for (const line of [
      /^kube-proxy +iptables$/m,
      /^node-2 +Ready +192\.168\.1\.11 +10\.244\.2\.0\/24$/m,
      /^internet +203\.0\.113\.100$/m,
      /^default\/backend-\S+ +1\/1 +Running +10\.244\.1\.\d+ +node-1$/m,
      new RegExp(`^default/backend +ClusterIP +${clusterIP} +80/TCP$`, 'm'),
      /^containers +\d+ +\d+ MiB +\d+\.\d\d s +\d+\.\d % +\d+ s$/m,
    ]) {
      expect(shown).toMatch(line);
    }
    const [, pid, memory] = /^apiserver +(\d+) +(\d+) MiB +\d+\.\d\d s +\d+\.\d % +\d+ s +0$/m.exec(shown)!;
    expect(lab.processes()).toContain(Number(pid));
    expect(Number(memory)).toBeGreaterThan(20);
  });

  it('loses what ran on a node whose power is cut, and sends nothing there', async () => {
    expect(shims('node-2')).toBeGreaterThanOrEqual(2);
    await lab.vitrine('lab', 'stop', 'node-2');
    expect(shims('node-2')).toBe(0);
    expect(await lab.exec('node-1', 'busybox', 'ping', '-c', '1', '-W', '1', '192.168.1.11')).toMatchObject({
      exitCode: 1,
    });
    await eventually(statuses, (text) => text === 'node-1=True node-2=Unknown', 15_000);
    await serves('node-1', 2);
    expect(await lab.vitrine('lab', 'status')).toMatch(/^node-2 +stopped /m);
    expect(await lab.exec('node-2', 'true')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('node-2 is stopped'),
    });
  });

  it('refuses what makes no sense, and says why', async () => {
    const refused = (...words: string[]): Promise<string> =>
      lab.vitrine('lab', ...words).catch((error) => error.stderr);
    expect(await refused('stop', 'node-2')).toBe('vitrine lab stop: node-2 is stopped already\n');
    expect(await refused('start', 'node-1')).toBe('vitrine lab start: node-1 runs already\n');
    expect(await refused('stop', 'node-9')).toBe('vitrine lab stop: no node node-9; there is node-1, node-2\n');
    expect(await refused('stop')).toMatch(/name one node, such as node-2; to end the whole lab: vitrine lab down/);
    expect(await refused('remove', '../node-1')).toMatch(/no node \.\.\/node-1/);
  });

  it('boots it again with the pods it had, started anew', { timeout: 120_000 }, async () => {
    const pods = (): Promise<string> => get('{.items[*].metadata.name}', 'pods', '-l', 'app=backend');
    const before = await pods();
    await lab.vitrine('lab', 'start', 'node-2');
    await eventually(statuses, (text) => text === 'node-1=True node-2=True', 20_000);
    await serves('node-1 node-2', 4);
    expect(await pods()).toBe(before);
    const path = '{range .items[*]}{.spec.nodeName}={.status.containerStatuses[0].restartCount} {end}';
    const restarts = (await get(path, 'pods', '-l', 'app=backend')).trim().split(' ').sort();
    expect(restarts).toEqual(['node-1=0', 'node-1=0', 'node-2=1', 'node-2=1']);
  });

  it('gains a node', { timeout: 120_000 }, async () => {
    expect(await lab.vitrine('lab', 'add')).toBe('node-3\n');
    await eventually(statuses, (text) => text === 'node-1=True node-2=True node-3=True', 20_000);
    await lab.kubectl('scale', 'deployment', 'backend', '--replicas=6');
    await serves('node-1 node-2 node-3', 6);
    expect((await lab.exec('node-1', 'ip', 'route')).stdout).toContain('10.244.3.0/24 via 192.168.1.12 dev eth0');
  });

  it('loses one for good, and its pods live on elsewhere', { timeout: 120_000 }, async () => {
    await lab.vitrine('lab', 'remove', 'node-1');
    await eventually(statuses, (text) => text === 'node-2=True node-3=True', 5_000);
    await eventually(
      () => get('{.status.readyReplicas}', 'deployment', 'backend'),
      (count) => count === '6',
      20_000,
    );
    await serves('node-2 node-3', 6);
    expect((await lab.exec('node-2', 'ip', 'route')).stdout).not.toContain('10.244.1.0/24');
  });

  it('keeps the nodes it has when its supervisor is killed', { timeout: 120_000 }, async () => {
    const { initPid } = JSON.parse(readFileSync(`${lab.directory}/run/lab.json`, 'utf8'));
    process.kill(initPid, 'SIGKILL');
    const successor = async (): Promise<{ initPid: number; ready: boolean } | undefined> => {
      try {
        return JSON.parse(readFileSync(`${lab.directory}/run/lab.json`, 'utf8'));
      } catch {
        return undefined; // not written yet
      }
    };
    await eventually(successor, (found) => Boolean(found?.ready && found.initPid !== initPid), 30_000);
    await eventually(statuses, (text) => text === 'node-2=True node-3=True', 20_000);
  });

  it('starts with the nodes it is told to, and forgets those it no longer has', { timeout: 120_000 }, async () => {
    await lab.down();
    await lab.up();
    await eventually(statuses, (text) => text === 'node-1=True node-2=True', 20_000);
    await lab.kubectl('rollout', 'restart', 'deployment/backend'); // whoever was Ready first may have all pods
    await serves('node-1 node-2', 6);
  });
});
