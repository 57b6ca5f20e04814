// The whole lab, as its user sees it: real kubectl, real packets, both proxy modes, root and an ordinary user; and nothing left behind.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingPrograms } from '../../lab/requirements.ts';
import { eventually, processesIn, TestLab } from '../harness/lab.ts';

const isRoot = process.getuid!() === 0;
const noKubectl = (await missingPrograms(process.env.PATH!, ['kubectl'])).length > 0;
const cases = [
  { proxyMode: 'iptables', asUser: false },
  { proxyMode: 'nftables', asUser: false },
  { proxyMode: 'iptables', asUser: true },
  { proxyMode: 'nftables', asUser: true },
] as const;

describe.each(cases)('a lab with $proxyMode, as an ordinary user: $asUser', ({ proxyMode, asUser }) => {
  describe.skipIf(noKubectl || (asUser && !isRoot))('(needs kubectl, and root to become another user)', () => {
    let lab: TestLab;
    let clusterIP: string;
    let pods: string[];

    const backendPods = async (): Promise<string[]> => {
      const names = await lab.kubectl('get', 'pods', '-l', 'app=backend', '-o', 'name');
      return names.trim().split('\n').filter(Boolean);
    };
    const readyAddresses = async (name: string): Promise<string[]> => {
      const path = '{.items[*].endpoints[?(@.conditions.ready==true)].addresses[0]}';
      const selector = `kubernetes.io/service-name=${name}`;
      const text = await lab.kubectl('get', 'endpointslices', '-l', selector, '-o', `jsonpath=${path}`);
      return text.split(' ').filter(Boolean);
    };
    const curl = async (place: string, url: string): Promise<string> => {
      const { exitCode, stdout, stderr } = await lab.exec(place, 'curl', '-sS', '-m', '2', url);
      return exitCode === 0 ? stdout : stderr;
    };
    const isAnswer = (text: string): boolean => text.startsWith('pod: backend-');

    beforeAll(async () => {
      lab = new TestLab({ proxyMode, asUser });
      await lab.up();
    });
    afterAll(() => lab?.remove());

    it('has three Ready nodes at their addresses', async () => {
      const rows = (await lab.kubectl('get', 'nodes', '-o', 'wide', '--no-headers')).trim().split('\n');
      const seen = rows.map((row) => row.split(/\s+/)).map(([name, status, , , , ip]) => `${name} ${status} ${ip}`);
      expect(seen).toEqual(['node-1 Ready 192.168.1.10', 'node-2 Ready 192.168.1.11', 'node-3 Ready 192.168.1.12']);
    });

    it('runs a deployment spread over the nodes', async () => {
      await lab.kubectl('create', 'deployment', 'backend', '--image=echo', '--replicas=3');
      await lab.kubectl('create', 'service', 'clusterip', 'backend', '--tcp=80:8080');
      await lab.kubectl('wait', '--for=condition=Available', 'deployment/backend', '--timeout=20s');
      const addresses = await eventually(
        () => readyAddresses('backend'),
        (list) => list.length === 3,
      );
      expect(addresses.map((ip) => ip.replace(/\.\d+$/, '')).sort()).toEqual(['10.244.1', '10.244.2', '10.244.3']);
      clusterIP = await lab.kubectl('get', 'service', 'backend', '-o', 'jsonpath={.spec.clusterIP}');
      expect(clusterIP).toMatch(/^10\.96\./);
      pods = await backendPods();
    });

    it('answers at the cluster IP, on every node and in every pod', async () => {
      for (const place of ['node-1', 'node-2', 'node-3', ...pods]) {
        expect(await eventually(() => curl(place, `http://${clusterIP}`), isAnswer)).toMatch(/^podIP: 10\.244\./m);
      }
    });

    it('answers the internet at any node', async () => {
      await lab.kubectl(
        ...'expose deployment backend --name web --type NodePort --port 80 --target-port 8080'.split(' '),
      );
      const nodePort = await lab.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}');
      for (const ip of ['192.168.1.10', '192.168.1.11', '192.168.1.12']) {
        expect(await eventually(() => curl('internet', `http://${ip}:${nodePort}`), isAnswer)).toMatch(/^node: node-/m);
      }
    });

    it('programs the kernel of every node', async () => {
      const argv = proxyMode === 'iptables' ? ['iptables-save', '-t', 'nat'] : ['nft', 'list', 'ruleset'];
      for (const node of ['node-1', 'node-2', 'node-3']) {
        expect((await lab.exec(node, ...argv)).stdout).toContain(clusterIP);
      }
    });

    it('follows scaling and deletion', async () => {
      await lab.kubectl('scale', 'deployment', 'backend', '--replicas=5');
      await eventually(
        () => readyAddresses('backend'),
        (list) => list.length === 5,
      );
      await lab.kubectl('delete', pods[0], '--wait=false');
      const others = async (): Promise<boolean> => {
        const now = await backendPods();
        return now.length === 5 && !now.includes(pods[0]);
      };
      await eventually(others, Boolean, 15_000);
      await lab.kubectl('delete', 'service', 'backend');
      const refused = (text: string): boolean => !isAnswer(text);
      await eventually(() => curl('node-2', `http://${clusterIP}`), refused);
    });

    it('runs a command in a pod with the names the pod has for the world', async () => {
      const [pod] = await backendPods();
      const script = 'cat /etc/resolv.conf; hostname; cat /etc/hostname; grep "$(hostname)" /etc/hosts';
      const { stdout } = await lab.exec(pod, 'sh', '-c', script);
      const name = pod.replace('pod/', '');
      expect(stdout).toMatch(/^nameserver 10\.96\.0\.10$/m);
      expect(stdout).toMatch(/^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local$/m);
      expect(stdout).toMatch(new RegExp(`^${name}\n${name}\n10\\.244\\.\\d\\.\\d+\t${name}$`, 'm'));
      expect((await lab.exec('node-1', 'cat', '/etc/hosts')).stdout).toBe(readFileSync('/etc/hosts', 'utf8'));
    });

    it("passes a command's words, input and exit code through", async () => {
      const said = await lab.exec(
        'node-2',
        'sh',
        '-c',
        'hostname; printf "<%s>" "$@"; exit 7',
        'sh',
        'a b',
        '$HOME \'"',
        '--',
      );
      expect(said).toEqual({ exitCode: 7, stdout: 'node-2\n<a b><$HOME \'"><-->', stderr: '' });
      expect(await lab.exec('internet', 'true')).toMatchObject({ exitCode: 0 });
      expect(await lab.exec('node-9', 'true')).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('there is node-1, node-2, node-3, internet'),
      });
    });

    it('refuses a second lab in its directory', async () => {
      await expect(lab.up()).rejects.toThrow(/a lab runs in .* already \(pid \d+\)/);
    });

    it('leaves nothing behind, and finds every object again', async () => {
      const before = (await lab.kubectl('get', 'deployments,services', '-A', '-o', 'name')).trim();
      const namespace = lab.userNamespace();
      expect(lab.processes().length).toBeGreaterThan(8);
      await lab.down();
      expect(processesIn(namespace)).toEqual([]);
      expect(existsSync(`${lab.directory}/run`)).toBe(false);
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(lab.directory);
      expect(readdirSync('/sys/class/net').filter((name) => /^(wire0|node-\d)$/.test(name))).toEqual([]);

      await lab.up();
      expect((await lab.kubectl('get', 'deployments,services', '-A', '-o', 'name')).trim()).toBe(before);
      await eventually(
        () => readyAddresses('web'),
        (list) => list.length === 5,
        15_000,
      );
    });
  });
});
