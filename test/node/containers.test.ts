// What a pod may ask of its containers, on one real node with the real API server and controllers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namespaceScript, type Script } from '../network.ts';

const REFUSED_ROOT =
  /^container has runAsNonRoot and image will run as root \(pod: "no-root_default\(.*\)", container: c\)$/;

/** By scene of the script: what it must have seen. */
const EXPECTED: Record<string, unknown> = {
  initContainers: {
    steps: ['one', 'side', 'two'],
    initReady: ['one', false, 'two'],
    sideExit: 0,
    killing: 'Killing: Stopping container side',
  },
  environment: { text: 'blue-$(UNSET) blue env 500 443 blue\n', missing: 'configmap "absent" not found' },
  volumes: {
    all: '12a\nb',
    one: '2',
    some: '1400',
    keys: expect.stringMatching(/^secret440\n.*Read-only file system/),
    about: 'app="volumes"',
    memory: expect.stringMatching(/^tmpfs\n.*(?:No space left on device|I\/O error)/),
    node: 'kept',
    token: 'defaulteyJca.crt\nnamespace\ntoken',
    oneStays: '2',
    onHost: 'kept\n',
  },
  insideMachine: 'hello/usr/bin/perl\n',
  missingVolume: {
    reason: 'FailedMount: MountVolume.SetUp failed for volume "cfg" : configmap "later" not found',
    state: { waiting: { reason: 'ContainerCreating' } },
  },
  lastWords: [
    { exitCode: 3, reason: 'Error', message: 'done' },
    { exitCode: 4, reason: 'Error', message: 'out of luck\n' },
  ],
  memory: { exitCode: 137, reason: 'OOMKilled' },
  security: {
    text: '1000\n3000\ntouch: /x: Read-only file system\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n',
    low: 'nc: timed out\n1\n',
    refused: expect.stringMatching(REFUSED_ROOT),
  },
  together: {
    seen: 'seen\n1\n',
    refused: {
      reason: 'SysctlForbidden',
      message: 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted',
    },
  },
  hooks: { whenReady: 'post\n', after: 'post\npre\nterm\n' },
  deadline: {
    reason: 'DeadlineExceeded',
    message: 'Pod was active on the node longer than the specified deadline',
  },
  crashes: {
    message: expect.stringMatching(/^back-off 10s restarting failed container=c pod=crashing_default\(.*\)$/),
    restartCount: 1,
    lastExit: 7,
    failed: ['StartError', 128],
  },
  probes: ['Killing: Container c failed liveness probe, will be restarted', 'Unhealthy: Liveness probe failed: '],
  stubborn: { waited: true, left: '' },
  names: 'db\nIP\tdb.all.default.svc.cluster.local\tdb\n\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n',
  agnhost: {
    hostname: 'agnhost',
    echo: 'hi there',
    header: 'curl',
    dial: '{"responses":["names","names"]}',
    udp: '{"responses":["agnhost"]}',
    shell: '{"output":"a\\n"}',
    netcat: '{"output":"agnhost"}',
    refused: '{"error":"exit status 1","output":"REFUSED\\n"}',
    byHostPort: 'agnhost',
    byTLS: '10.244.1.1',
    reachable: 'names',
  },
  ephemeral: { exitCode: 5, saw: '/usr/bin/perl /opt/echo -port=8080 \n', ready: true },
  images: [
    'Container image "redis:7" is not present with pull policy of Never',
    'Failed to apply default image tag "UPPER:7": couldn\'t parse image name "UPPER:7": invalid reference format: repository name (library/UPPER) must be lowercase',
  ],
  imageChanges: 'Killing: Container c definition changed, will be restarted',
  left: { pods: [], namespaces: [], containers: [], shims: '', mounts: '0', hostPorts: '', cgroups: '' },
};

describe('on one node', () => {
  let script: Script;
  let seen: Record<string, unknown>;
  beforeAll(async () => {
    script = await namespaceScript('test/node/containers.script.ts');
    seen = await script.run<Record<string, unknown>>({}, { timeoutMs: 180_000 });
  }, 200_000);
  afterAll(() => script.remove());

  it('every scene has an expectation', () => {
    expect(Object.keys(seen).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(Object.keys(EXPECTED))('%s', (scene) => {
    expect(seen[scene]).toEqual(EXPECTED[scene]);
  });
});
