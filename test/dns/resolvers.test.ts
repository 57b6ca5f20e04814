// The resolvers that pods come with are content: glibc's, busybox's, and dig where there is one.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { namespaceScript, type Script } from '../network.ts';
import type { ResolversInput, ResolversOutput } from './resolvers.script.ts';

const folder = new URL('../golden/dns', import.meta.url).pathname;

/** What is asked, how it ends, and what the answer must hold. */
const CASES: readonly [string, number, RegExp][] = [
  ['getent ahostsv4 web', 0, /^10\.96\.0\.20\s+STREAM web\.shop\.svc\.cluster\.local$/m],
  ['getent ahostsv6 dual', 0, /^fd00:10:96::30\s/m],
  ['getent hosts db.data', 0, /^10\.244\.[12]\.10\s+db\.data\.svc\.cluster\.local$/m],
  ['getent hosts 10.96.0.20', 0, /^10\.96\.0\.20\s+web\.shop\.svc\.cluster\.local$/m],
  ['getent ahostsv4 alias.edge', 0, /^10\.96\.0\.20\s/m],
  ['getent hosts missing', 2, /^$/],
  [
    'busybox nslookup web.shop.svc.cluster.local',
    0,
    /Name:\s+web\.shop\.svc\.cluster\.local\s+Address:\s+10\.96\.0\.20/,
  ],
  ['busybox nslookup -type=srv _http._tcp.web.shop.svc.cluster.local', 0, /0 100 80 web\.shop\.svc\.cluster\.local/],
  ['busybox nslookup missing.shop.svc.cluster.local', 1, /NXDOMAIN/],
  ['dig +search +short web', 0, /^10\.96\.0\.20$/m],
  ['dig +short crowd.data.svc.cluster.local', 0, /(^10\.244\.\d+\.\d+\n){100}/m],
  ['dig +tcp +noall +answer +comments cluster.local SOA', 0, /status: NOERROR[\s\S]*flags: qr aa rd;/],
];

let script: Script;
let results: ResolversOutput;

beforeAll(async () => {
  script = await namespaceScript('test/dns/resolvers.script.ts');
  const commands = CASES.map(([line]) => line.split(' '));
  results = await script.run<ResolversOutput>({ folder, commands } satisfies ResolversInput);
});
afterAll(() => script?.remove());

it.each(CASES.map((one, at) => [...one, at] as const))('%s', (_, exitCode, pattern, at) => {
  const result = results[at];
  if (result === null) return expect(CASES[at][0]).toMatch(/^dig /); // the others are part of every machine that runs a lab
  expect(result.stdout).toMatch(pattern);
  expect(result.exitCode).toBe(exitCode);
});
