// kill -9 of every process of a lab, in turn: the lab recovers, no object is lost, packets flow.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, processesIn, TestLab } from '../harness/lab.ts';

/** The process whose command line contains all of these words. */
function findProcess(pids: readonly number[], words: readonly string[]): number | undefined {
  return pids.find((pid) => words.every((word) => commandOf(pid).includes(word)));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it ended while we looked
  }
}

describe('a lab whose processes are killed', () => {
  const lab = new TestLab();
  let nodePort: string;
  let before: string;

  const objects = (): Promise<string> =>
    lab.kubectl('get', 'deployments,services,configmaps,serviceaccounts,nodes', '-A', '-o', 'name').catch(String);
  const statuses = (): Promise<string> =>
    lab
      .kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}')
      .catch(String);
  const available = (): Promise<string> =>
    lab.kubectl('get', 'deployment', 'backend', '-o', 'jsonpath={.status.availableReplicas}').catch(String);
  const answers = async (): Promise<string> => {
    const said = await Promise.all(
      ['10', '11', '12'].map((last) =>
        lab.exec('internet', 'curl', '-s', '-m', '1', `http://192.168.1.${last}:${nodePort}`),
      ),
    );
    return said.map(({ stdout }) => (stdout.startsWith('pod: backend-') ? 'yes' : 'no')).join(' ');
  };

  beforeAll(async () => {
    await lab.up();
    await lab.kubectl('create', 'deployment', 'backend', '--image=echo', '--replicas=3');
    await lab.kubectl('expose', 'deployment', 'backend', '--type=NodePort', '--port=80', '--target-port=8080');
    await lab.kubectl('create', 'configmap', 'kept', '--from-literal=a=b');
    nodePort = await lab.kubectl('get', 'service', 'backend', '-o', 'jsonpath={.spec.ports[0].nodePort}');
    await eventually(answers, (text) => text === 'yes yes yes', 20_000);
    before = await objects();
    expect(before).toContain('configmap/kept');
  });
  afterAll(() => lab.remove());

  const victims: readonly (readonly [string, ...string[]])[] = [
    ['the API server', 'vitrine apiserver'],
    ['the controllers', 'lab controllers'],
    ['the forwarder', 'forwarder.pl'],
    ['node-1', 'lab machine', 'node-1'],
    ['node-2', 'lab machine', 'node-2'],
    ['node-3', 'lab machine', 'node-3'],
    ['a container', 'shim.pl'],
    ['the API server again', 'vitrine apiserver'],
    ['the supervisor', 'lab supervise', '--init-pid'],
    ['the first process', 'sh -c', 'lab supervise'],
  ];

  it.for(victims)('recovers from the death of %s', { timeout: 90_000 }, async ([, ...words]) => {
    const victim = findProcess(lab.processes(), words)!;
    process.kill(victim, 'SIGKILL');
    const successor = async (): Promise<number | undefined> => {
      const [pid] = existsSync(`${lab.directory}/run/lab.json`) ? [findProcess(lab.processes(), words)] : [];
      return pid === victim ? undefined : pid;
    };
    await eventually(successor, (pid) => pid !== undefined, 30_000);
    await eventually(statuses, (text) => text === 'True True True', 40_000);
    await eventually(answers, (text) => text === 'yes yes yes', 20_000);
    await eventually(available, (text) => text === '3', 40_000);
    expect(await objects()).toBe(before);
  });

  it('takes a silent node out, and back in with the pods it had', { timeout: 60_000 }, async () => {
    const placed = (): Promise<string> =>
      lab.kubectl(
        'get',
        'pods',
        '-l',
        'app=backend',
        '-o',
        'jsonpath={.items[*].metadata.name} {.items[*].spec.nodeName}',
      );
    const ready = (): Promise<string> => {
      const path = '{.items[*].endpoints[?(@.conditions.ready==true)].nodeName}';
      const selector = 'kubernetes.io/service-name=backend';
      return lab.kubectl('get', 'endpointslices', '-l', selector, '-o', `jsonpath=${path}`).catch(String);
    };
    const podsBefore = await placed();
    await eventually(ready, (nodes) => nodes.split(' ').sort().join(' ') === 'node-1 node-2 node-3');
    process.kill(findProcess(lab.processes(), ['lab machine', 'node-2'])!, 'SIGKILL');
    await eventually(statuses, (text) => text === 'True Unknown True', 10_000);
    await eventually(ready, (nodes) => nodes.split(' ').sort().join(' ') === 'node-1 node-3', 5_000);
    await eventually(statuses, (text) => text === 'True True True', 20_000);
    await eventually(ready, (nodes) => nodes.split(' ').sort().join(' ') === 'node-1 node-2 node-3', 5_000);
    expect(await placed()).toBe(podsBefore);
  });

  it('ends when its launcher is killed, and starts again with everything', { timeout: 90_000 }, async () => {
    const namespace = lab.userNamespace();
    const { launcherPid } = JSON.parse(readFileSync(`${lab.directory}/run/lab.json`, 'utf8'));
    process.kill(launcherPid, 'SIGKILL');
    await eventually(
      async () => processesIn(namespace),
      (left) => left.length === 0,
      15_000,
    );
    await lab.up();
    expect(await objects()).toBe(before);
    await eventually(answers, (text) => text === 'yes yes yes', 20_000);
  });
});
