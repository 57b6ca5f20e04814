// What people ask cluster DNS with: dig, by UDP and TCP, for every kind of record. Skipped where there is no dig (bind9-dnsutils).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../api/types/core.v1.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { endpointSlices, services } from '../../client/resources.ts';
import { RestClient } from '../../client/rest.ts';
import { check } from '../../host/exec.ts';
import { missingPrograms } from '../../lab/requirements.ts';
import { type ServerProcess, startServerProcess } from '../harness/apiserver.ts';
import { type DnsProcess, startDnsProcess } from '../harness/dns.ts';
import { eventually } from '../harness/lab.ts';

const noDig = (await missingPrograms(process.env.PATH!, ['dig'])).length > 0;
const ZONE = 'default.svc.cluster.local';
const ports = [{ name: 'http', port: 80 }];
const SERVICES: readonly Service[] = [
  { metadata: { name: 'web', namespace: 'default' }, spec: { clusterIP: '10.96.0.20', ports } },
  { metadata: { name: 'db', namespace: 'default' }, spec: { clusterIP: 'None', ports } },
  { metadata: { name: 'far', namespace: 'default' }, spec: { type: 'ExternalName', externalName: 'db.example.com' } },
];

describe.skipIf(noDig)('dig (needs bind9-dnsutils)', () => {
  let server: ServerProcess;
  let dns: DnsProcess;

  beforeAll(async () => {
    server = await startServerProcess();
    const client = new RestClient(await loadKubeconfig(server.kubeconfig), { userAgent: 'test' });
    for (const service of SERVICES) await client.create(services, service);
    for (const [addressType, address] of [
      ['IPv4', '10.244.1.5'],
      ['IPv6', 'fd00:10:244:1::5'],
    ] as const) {
      const metadata = {
        name: `db-${addressType.toLowerCase()}`,
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': 'db' },
      };
      const endpoints = [{ addresses: [address], hostname: 'db-0' }];
      await client.create(endpointSlices, {
        metadata,
        addressType,
        endpoints,
        ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      });
    }
    await client.close();
    dns = await startDnsProcess(server.kubeconfig);
    await eventually(() => dig(`db.${ZONE}`, 'AAAA'), Boolean);
  });
  afterAll(async () => {
    await dns?.stop();
    await server?.stop();
  });

  const dig = async (...question: string[]): Promise<string> => {
    const [, host, port] = /^(.*):(\d+)$/.exec(dns.address)!;
    return (await check(['dig', `@${host}`, '-p', port, '+short', '+time=2', '+tries=1', ...question])).trim();
  };

  it.each([
    [`web.${ZONE}`, 'A', '10.96.0.20'],
    [`web.${ZONE}`, 'AAAA', ''],
    [`db.${ZONE}`, 'A', '10.244.1.5'],
    [`db-0.db.${ZONE}`, 'AAAA', 'fd00:10:244:1::5'],
    [`_http._tcp.web.${ZONE}`, 'SRV', `0 100 80 web.${ZONE}.`],
    [`far.${ZONE}`, 'CNAME', 'db.example.com.'],
    ['20.0.96.10.in-addr.arpa', 'PTR', `web.${ZONE}.`],
    ['5.1.244.10.in-addr.arpa', 'PTR', `db-0.db.${ZONE}.`],
    ['dns-version.cluster.local', 'TXT', '"1.1.0"'],
  ])('%s %s', async (name, type, answer) => {
    expect(await dig(name, type)).toBe(answer);
    expect(await dig('+tcp', name, type)).toBe(answer);
  });

  it('hears of a name that does not exist, and of the zone it is not in', async () => {
    const said = await dig('+noshort', '+comments', '+authority', `nobody.${ZONE}`, 'A');
    expect(said).toContain('status: NXDOMAIN');
    expect(said).toMatch(/^cluster\.local\.\s+\d+\s+IN\s+SOA\s/m);
  });
});
