// `lab up --ip-families ipv6`: no IPv4 address but those of loopback, and all a lab does. Cluster DNS above all: names resolve in pods,
// through the Service kube-dns and kube-proxy, also when one of its pods goes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingPrograms } from '../../lab/requirements.ts';
import { eventually, TestLab } from '../harness/lab.ts';

const noKubectl = (await missingPrograms(process.env.PATH!, ['kubectl'])).length > 0;

describe.skipIf(noKubectl)('a lab of IPv6 alone (needs kubectl)', () => {
  let lab: TestLab;

  /** What glibc's resolver finds in the pod: an address, or ''. */
  const resolve = async (name: string): Promise<string> => {
    const { stdout } = await lab.exec('pod/client', 'getent', 'ahosts', name);
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
    await lab.vitrine('lab', 'up', '--detach', '--nodes=2', '--ip-families=ipv6');
    await lab.kubectl('run', 'client', '--image=busybox', '--restart=Never', '--', 'sleep', '3600');
    await lab.kubectl('create', 'deployment', 'web', '--image=echo', '--replicas=4');
    await lab.kubectl('wait', '--for=condition=Ready', 'pod/client', '--timeout=20s');
  });
  afterAll(() => lab?.remove());

  it('has no other addresses', async () => {
    const addresses = '{.items[*].status.addresses[*].address}{" "}{.items[*].spec.podCIDRs[*]}';
    expect(await lab.kubectl('get', 'nodes', '-o', `jsonpath=${addresses}`)).toBe(
      'fd00:192:168:1::10 node-1 fd00:192:168:1::11 node-2 fd00:10:244:1::/64 fd00:10:244:2::/64',
    );
    for (const place of ['node-1', 'wire', 'balancer', 'internet', 'pod/client'])
      expect((await lab.exec(place, 'ip', '-4', '-brief', 'address')).stdout.replace(/^lo .*\n/, '')).toBe('');
  });

  it('has DNS: two pods behind the Service kube-dns', async () => {
    await eventually(dnsPods, (names) => names.length === 2, 20_000);
    expect(await lab.kubectl('-n', 'kube-system', 'get', 'service', 'kube-dns', '--no-headers')).toMatch(
      /fd00:10:96::10\s+<none>\s+53\/UDP,53\/TCP,9153\/TCP/,
    );
  });

  it('resolves Services by their short names, through the search path', async () => {
    expect(await eventually(() => resolve('kubernetes'), Boolean)).toBe('fd00:10:96::1');
    expect(await resolve('kube-dns.kube-system')).toBe('fd00:10:96::10');
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
      '-type=aaaa',
      'kubernetes.default.svc.cluster.local.',
    );
    expect(said).toMatch(/^Server:\s+fd00:10:96::10\n[\s\S]*^Address: fd00:10:96::1$/m);
    const get = 'wget -qO- --timeout=9 http://backend; wget -T 1 -qO- http://[2001:db8:203:113::99]';
    expect((await lab.kubectl('exec', 'client', '--', 'sh', '-c', `exec 2>&1; ${get}; true`)).split('\n')).toEqual([
      expect.stringMatching(/^wget: can't connect to remote host.*: Connection refused$/), // it has no endpoints
      'wget: download timed out',
      '',
    ]);
  });

  it('is reached from outside, at a node’s port and at the load balancer’s address, by clients that pods see', async () => {
    await lab.kubectl('expose', 'deployment', 'web', '--type=LoadBalancer', '--port=80', '--target-port=8080');
    await lab.kubectl('patch', 'service', 'web', '-p', '{"spec":{"externalTrafficPolicy":"Local"}}');
    const get = (path: string) => lab.kubectl('get', 'service', 'web', '-o', `jsonpath=${path}`);
    await eventually(
      () => get('{.status.loadBalancer.ingress[0].ip}'),
      (ip) => ip === '2001:db8:52:1:2::3',
    );
    const nodePort = await get('{.spec.ports[0].nodePort}');
    for (const url of [`http://[fd00:192:168:1::11]:${nodePort}`, 'http://[2001:db8:52:1:2::3]']) {
      await eventually(
        async () => (await lab.exec('internet', 'curl', '-s', '-m', '2', url)).stdout,
        (text) => text.includes('client: [2001:db8:203:113::100]:'),
      );
    }
  });

  it('goes on when one of its pods is deleted', async () => {
    const [gone] = await dnsPods();
    await lab.kubectl('-n', 'kube-system', 'delete', 'pod', gone, '--grace-period=0', '--force');
    expect(await eventually(() => resolve('backend'), Boolean, 20_000)).toBe(await clusterIP('backend'));
    await eventually(dnsPods, (names) => names.length === 2 && !names.includes(gone), 20_000);
  });
});
