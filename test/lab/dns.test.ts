// Cluster DNS in a lab: names resolve in pods, through the Service kube-dns and kube-proxy, also when one of its pods goes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingPrograms } from '../../lab/requirements.ts';
import { eventually, TestLab } from '../harness/lab.ts';

const noKubectl = (await missingPrograms(process.env.PATH!, ['kubectl'])).length > 0;

describe.skipIf(noKubectl)('cluster DNS (needs kubectl)', () => {
  let lab: TestLab;

  /** What glibc's resolver finds in the pod: an address, or ''. */
  const resolve = async (name: string): Promise<string> => {
    const { stdout } = await lab.exec('pod/client', 'getent', 'ahostsv4', name);
    return stdout.split(/\s+/)[0];
  };
  const clusterIP = (service: string): Promise<string> =>
    lab.kubectl('get', 'service', service, '-o', 'jsonpath={.spec.clusterIP}');
  const dnsPods = async (): Promise<string[]> => {
    const ready = 'jsonpath={.items[?(@.status.containerStatuses[0].ready==true)].metadata.name}';
    const names = await lab.kubectl('-n', 'kube-system', 'get', 'pods', '-l', 'k8s-app=kube-dns', '-o', ready);
    return names.split(' ').filter(Boolean);
  };

  beforeAll(async () => {
    lab = new TestLab();
    await lab.up();
    await lab.kubectl('run', 'client', '--image=busybox', '--restart=Never', '--', 'sleep', '3600');
    await lab.kubectl('wait', '--for=condition=Ready', 'pod/client', '--timeout=20s');
  });
  afterAll(() => lab?.remove());

  it('is two pods behind the Service kube-dns', async () => {
    await eventually(dnsPods, (names) => names.length === 2, 20_000);
    expect(await lab.kubectl('-n', 'kube-system', 'get', 'service', 'kube-dns', '--no-headers')).toMatch(
      /10\.96\.0\.10\s+<none>\s+53\/UDP,53\/TCP,9153\/TCP/,
    );
  });

  it('resolves Services by their short names, through the search path', async () => {
    expect(await eventually(() => resolve('kubernetes'), Boolean)).toBe('10.96.0.1');
    expect(await resolve('kube-dns.kube-system')).toBe('10.96.0.10');
    await lab.kubectl('create', 'service', 'clusterip', 'backend', '--tcp=80:8080');
    expect(await resolve('backend')).toBe(await clusterIP('backend'));
    await lab.kubectl(
      'create',
      'service',
      'externalname',
      'alias',
      '--external-name=backend.default.svc.cluster.local',
    );
    expect(await resolve('alias')).toBe(await clusterIP('backend'));
    expect(await resolve('nobody')).toBe('');
  });

  it('answers the pod with its own tools', async () => {
    const said = await lab.kubectl(
      'exec',
      'client',
      '--',
      'nslookup',
      '-type=a',
      'kubernetes.default.svc.cluster.local.',
    );
    expect(said).toMatch(/^Server:\s+10\.96\.0\.10\n[\s\S]*^Address: 10\.96\.0\.1$/m);
  });

  it('goes on when one of its pods is deleted', async () => {
    const [gone] = await dnsPods();
    await lab.kubectl('-n', 'kube-system', 'delete', 'pod', gone, '--grace-period=0', '--force');
    expect(await eventually(() => resolve('backend'), Boolean, 20_000)).toBe(await clusterIP('backend'));
    await eventually(dnsPods, (names) => names.length === 2 && !names.includes(gone), 20_000);
  });
});
