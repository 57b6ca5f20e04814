import { describe, expect, it } from 'vitest';
import { Catalogue } from '../catalogue.ts';
import type { FieldError } from '../field.ts';
import type { Family } from '../ip.ts';
import { copyOf } from '../object.ts';
import { decode } from '../schema/decode.ts';
import { applyDefaults } from '../schema/defaults.ts';
import type { Service, ServiceSpec } from '../types/core.v1.ts';
import { settleFamilies } from './service-families.ts';

const kind = new Catalogue().byKind('', 'v1', 'Service')!;
const NODE_PORT = 30080;
const WRITE = { user: { name: 'ann', groups: [] }, now: '2026-01-01T00:00:00Z' };
const SINGLE: readonly Family[] = ['IPv4'];
const DUAL: readonly Family[] = ['IPv4', 'IPv6'];

function read(spec: unknown): Service {
  const { object } = decode(kind, { metadata: { name: 'web', namespace: 'x' }, spec }, { validation: 'Strict' });
  applyDefaults(kind, object);
  return object as unknown as Service;
}

const asObject = (service: Service) => service as unknown as Parameters<NonNullable<typeof kind.rules.validate>>[0];

interface Written {
  readonly service: Service;
  readonly errors: string[];
}

/** As stored after a create; the allocators' part is played by fixed values. */
function create(spec: unknown, cluster: readonly Family[] = SINGLE): Written {
  const service = read(spec);
  kind.rules.prepareForCreate!(asObject(service), WRITE);
  const refused = settleFamilies(service, undefined, cluster);
  const errors = refused.length > 0 ? refused : kind.rules.validate!(asObject(service));
  if (errors.length === 0) allocate(service.spec!);
  return { service, errors: errors.map(String) };
}

function update(old: Service, spec: unknown, cluster: readonly Family[] = SINGLE): Written {
  const service = read(spec);
  kind.rules.prepareForUpdate!(asObject(service), copyOf(asObject(old)), '', WRITE);
  const refused = settleFamilies(service, old, cluster);
  const checked = (): FieldError[] => [
    ...kind.rules.validate!(asObject(service)),
    ...kind.rules.validateUpdate!(asObject(service), asObject(old), ''),
  ];
  const errors = refused.length > 0 ? refused : checked();
  if (errors.length === 0) allocate(service.spec!);
  return { service, errors: errors.map(String) };
}

function allocate(spec: ServiceSpec): void {
  if (spec.type === 'ExternalName' || spec.clusterIP === 'None') return;
  const given = { IPv4: '10.96.0.7', IPv6: 'fd00::7' };
  spec.clusterIPs = spec.ipFamilies!.map((family, i) => spec.clusterIPs?.[i] || given[family as Family]);
  spec.clusterIP = spec.clusterIPs[0];
  for (const port of spec.ports ?? []) if (spec.type !== 'ClusterIP') port.nodePort ??= NODE_PORT;
}

const created = (spec: unknown): Service => create(spec).service;
const updated = (old: Service, spec: unknown): Written => update(old, spec);
const errorsOf = (spec: unknown): string[] => create(spec).errors;

describe('a Service', () => {
  it('gets what it leaves out', () => {
    expect(created({ ports: [{ port: 80 }] }).spec).toEqual({
      type: 'ClusterIP',
      clusterIP: '10.96.0.7',
      clusterIPs: ['10.96.0.7'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    });
    expect(created({ sessionAffinity: 'ClientIP', ports: [{ port: 80 }] }).spec).toMatchObject({
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
    });
    expect(created({ clusterIP: 'None' }).spec).toMatchObject({
      clusterIPs: ['None'],
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
    });
    expect(created({ type: 'ExternalName', externalName: 'db.example.com' }).spec).toEqual({
      type: 'ExternalName',
      externalName: 'db.example.com',
      sessionAffinity: 'None',
    });
  });

  it.each<[Partial<ServiceSpec>, string[]]>([
    [{}, ['spec.ports: Required value']],
    [
      { ports: [{ port: 80 }, { port: 81 }] },
      ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
    ],
    [
      { ports: [{ port: 80, nodePort: 30099 }] },
      ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ],
    [
      { ports: [{ port: 80 }], ipFamilyPolicy: 'RequireDualStack' },
      [
        'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
      ],
    ],
    [
      { ports: [{ port: 80 }], clusterIP: 'fd00::1' },
      ['spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster'],
    ],
    [
      { ports: [{ port: 80 }], clusterIPs: ['10.96.0.43'] },
      ['spec.clusterIPs: Invalid value: ["10.96.0.43"]: must be empty when `clusterIP` is not specified'],
    ],
    [
      { ports: [{ port: 80 }], externalTrafficPolicy: 'Local' },
      ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    ],
    [{ ports: [{ port: 80 }], type: 'NodePort', externalTrafficPolicy: 'Local' }, []],
  ])('%j: %j', (spec, errors) => {
    expect(errorsOf(spec)).toEqual(errors);
  });

  it('keeps what was allocated when an update does not name it', () => {
    const old = created({ type: 'NodePort', ports: [{ port: 80 }] });
    const { service, errors } = updated(old, { type: 'NodePort', ports: [{ port: 80, targetPort: 8080 }] });
    expect(errors).toEqual([]);
    expect(service.spec).toMatchObject({ clusterIP: '10.96.0.7', ports: [{ nodePort: NODE_PORT, targetPort: 8080 }] });
  });

  it('loses what only its old type has', () => {
    const old = created({ type: 'NodePort', ports: [{ port: 80 }] });
    const { service, errors } = updated(old, { ...old.spec, type: 'ClusterIP' });
    expect(errors).toEqual([]);
    expect(service.spec).not.toHaveProperty('externalTrafficPolicy');
    expect(service.spec!.ports![0]).not.toHaveProperty('nodePort');
    const external = updated(old, { ...copyOf(service.spec), type: 'ExternalName', externalName: 'x.example.com' });
    expect(external.errors).toEqual([]);
    expect(external.service.spec).not.toHaveProperty('clusterIP');
    expect(external.service.spec).not.toHaveProperty('ipFamilies');
    const back = updated(external.service, {
      ...copyOf(external.service.spec),
      type: 'ClusterIP',
      ports: [{ port: 80 }],
    });
    expect(back.service.spec).toMatchObject({ type: 'ClusterIP', externalName: 'x.example.com' });
  });

  it('may not change its address', () => {
    const old = created({ ports: [{ port: 80 }] });
    expect(updated(old, { clusterIP: 'None', ports: [{ port: 80 }] }).errors).toEqual([
      'spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set',
    ]);
  });
});

const ports = [{ port: 80 }];

/** Policy, families and addresses in one line; or what was refused. */
function familiesOf({ service: { spec = {} }, errors }: Written): string {
  if (errors.length > 0) return errors.join('; ');
  return [spec.ipFamilyPolicy, spec.ipFamilies?.join(), spec.clusterIPs?.join()].join(' ');
}

describe('families of a new Service', () => {
  it.each<[readonly Family[], Partial<ServiceSpec>, string]>([
    [DUAL, {}, 'SingleStack IPv4 10.96.0.7'],
    [['IPv6'], {}, 'SingleStack IPv6 fd00::7'],
    [['IPv6', 'IPv4'], {}, 'SingleStack IPv6 fd00::7'],
    [DUAL, { ipFamilies: ['IPv6'] }, 'SingleStack IPv6 fd00::7'],
    [DUAL, { clusterIP: 'fd00::9' }, 'SingleStack IPv6 fd00::9'],
    [SINGLE, { ipFamilyPolicy: 'PreferDualStack' }, 'PreferDualStack IPv4 10.96.0.7'],
    [DUAL, { ipFamilyPolicy: 'PreferDualStack' }, 'PreferDualStack IPv4,IPv6 10.96.0.7,fd00::7'],
    [DUAL, { ipFamilyPolicy: 'RequireDualStack' }, 'RequireDualStack IPv4,IPv6 10.96.0.7,fd00::7'],
    [['IPv6', 'IPv4'], { ipFamilyPolicy: 'RequireDualStack' }, 'RequireDualStack IPv6,IPv4 fd00::7,10.96.0.7'],
    [DUAL, { ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv6'] }, 'PreferDualStack IPv6,IPv4 fd00::7,10.96.0.7'],
    [DUAL, { ipFamilyPolicy: 'PreferDualStack', clusterIP: 'fd00::9' }, 'PreferDualStack IPv6,IPv4 fd00::9,10.96.0.7'],
    [DUAL, { clusterIP: 'None' }, 'RequireDualStack IPv4,IPv6 None'],
    [DUAL, { clusterIP: 'None', selector: { a: 'b' } }, 'SingleStack IPv4 None'],
    [
      DUAL,
      { clusterIP: 'None', selector: { a: 'b' }, ipFamilyPolicy: 'PreferDualStack' },
      'PreferDualStack IPv4,IPv6 None',
    ],
    [SINGLE, { clusterIP: 'None', ipFamilies: ['IPv6'] }, 'RequireDualStack IPv6,IPv4 None'],
    [
      DUAL,
      { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9', 'fd00::9'] },
      "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified",
    ],
    [
      SINGLE,
      { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9', 'fd00::9'], ipFamilyPolicy: 'PreferDualStack' },
      'spec.clusterIPs[1]: Invalid value: ["10.96.0.9","fd00::9"]: IPv6 is not configured on this cluster',
    ],
    [
      SINGLE,
      { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack' },
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services; spec.ipFamilies[1]: Invalid value: "IPv6": not configured on this cluster',
    ],
    [
      DUAL,
      { ipFamilies: ['IPv6', 'IPv4'], clusterIP: '10.96.0.9', ipFamilyPolicy: 'RequireDualStack' },
      'spec.clusterIPs[0]: Invalid value: "10.96.0.9": expected an IPv6 value as indicated by `ipFamilies[0]`',
    ],
  ])('where there is %j: %j', (cluster, spec, expected) => {
    expect(familiesOf(create({ ports, ...spec }, cluster))).toBe(expected);
  });
});

describe('families of a Service that changes', () => {
  const single: Partial<ServiceSpec> = {};
  const dual: Partial<ServiceSpec> = { ipFamilyPolicy: 'RequireDualStack' };
  const prefers: Partial<ServiceSpec> = { ipFamilyPolicy: 'PreferDualStack' };
  /** Stands for what the stored Service has: as a client sends it that reads, edits and writes. */
  const edit = (change: Partial<ServiceSpec>) => (old: ServiceSpec) => ({ ...old, ...change });
  const bare = (change: Partial<ServiceSpec>) => (): ServiceSpec => ({ ports, ...change });
  const BOTH = '10.96.0.7,fd00::7';

  it.each<[string, Partial<ServiceSpec>, (old: ServiceSpec) => ServiceSpec, string]>([
    ['asks for the second', single, edit({ ipFamilyPolicy: 'RequireDualStack' }), `RequireDualStack IPv4,IPv6 ${BOTH}`],
    ['would take the second', single, edit({ ipFamilyPolicy: 'PreferDualStack' }), `PreferDualStack IPv4,IPv6 ${BOTH}`],
    ['names policy alone', single, bare({ ipFamilyPolicy: 'RequireDualStack' }), `RequireDualStack IPv4,IPv6 ${BOTH}`],
    [
      'names the second',
      single,
      edit({ ...prefers, clusterIPs: ['10.96.0.7', 'fd00::9'] }),
      'PreferDualStack IPv4,IPv6 10.96.0.7,fd00::9',
    ],
    ['gives it up', dual, edit({ ipFamilyPolicy: 'SingleStack' }), 'SingleStack IPv4 10.96.0.7'],
    ['gives it up without lists', dual, bare({ ipFamilyPolicy: 'SingleStack' }), 'SingleStack IPv4 10.96.0.7'],
    ['leaves all out', dual, bare({}), `RequireDualStack IPv4,IPv6 ${BOTH}`],
    ['only prefers now', dual, edit(prefers), `PreferDualStack IPv4,IPv6 ${BOTH}`],
    ['becomes ExternalName', dual, edit({ type: 'ExternalName', externalName: 'a.b' }), '  '],
    ['becomes a NodePort', dual, edit({ type: 'NodePort' }), `RequireDualStack IPv4,IPv6 ${BOTH}`],
    [
      'shortens the addresses',
      prefers,
      edit({ clusterIPs: ['10.96.0.7'] }),
      'spec.ipFamilyPolicy: Invalid value: "PreferDualStack": must be \'SingleStack\' to release the secondary cluster IP',
    ],
    [
      'shortens the families',
      dual,
      edit({ ipFamilies: ['IPv4'] }),
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be \'SingleStack\' to release the secondary IP family',
    ],
    [
      'changes the second',
      dual,
      edit({ clusterIPs: ['10.96.0.7', 'fd00::9'] }),
      'spec.clusterIPs[1]: Invalid value: ["10.96.0.7","fd00::9"]: may not change once set',
    ],
    [
      'swaps them',
      dual,
      edit({ clusterIP: 'fd00::7', clusterIPs: ['fd00::7', '10.96.0.7'], ipFamilies: ['IPv6', 'IPv4'] }),
      [0, 1]
        .map((i) => `spec.clusterIPs[${i}]: Invalid value: ["fd00::7","10.96.0.7"]: may not change once set`)
        .join('; ') + '; spec.ipFamilies[0]: Invalid value: ["IPv6","IPv4"]: may not change once set'.repeat(2),
    ],
    [
      'keeps the list that the policy forbids',
      single,
      edit({ clusterIPs: ['10.96.0.7', 'fd00::9'] }),
      "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified",
    ],
  ])('%s', (_what, before, change, expected) => {
    const { service } = create({ ports, ...before }, DUAL);
    expect(familiesOf(update(service, change(copyOf(service.spec!)), DUAL))).toBe(expected);
  });

  it('are kept when it was ExternalName only if it asks', () => {
    const { service } = create({ type: 'ExternalName', externalName: 'a.b' }, DUAL);
    expect(familiesOf(update(service, { type: 'ClusterIP', ports, ...dual }, DUAL))).toBe(
      `RequireDualStack IPv4,IPv6 ${BOTH}`,
    );
  });

  it('of one that prefers both stay when the cluster has changed', () => {
    const { service } = create({ ports, ...prefers }, SINGLE);
    const { service: after } = update(service, { ...copyOf(service.spec!), sessionAffinity: 'ClientIP' }, DUAL);
    expect(after.spec).toMatchObject({ ipFamilies: ['IPv4'], clusterIPs: ['10.96.0.7'] });
  });
});
