import { describe, expect, it } from 'vitest';
import { Catalogue } from '../catalogue.ts';
import { copyOf } from '../object.ts';
import { decode } from '../schema/decode.ts';
import { applyDefaults } from '../schema/defaults.ts';
import type { Service, ServiceSpec } from '../types/core.v1.ts';

const kind = new Catalogue().byKind('', 'v1', 'Service')!;
const NODE_PORT = 30080;

function read(spec: unknown): Service {
  const { object } = decode(kind, { metadata: { name: 'web', namespace: 'x' }, spec }, { validation: 'Strict' });
  applyDefaults(kind, object);
  return object as unknown as Service;
}

const asObject = (service: Service) => service as unknown as Parameters<NonNullable<typeof kind.rules.validate>>[0];

/** As stored after a create; the allocators' part is played by fixed values. */
function created(spec: unknown): Service {
  const service = read(spec);
  kind.rules.prepareForCreate!(asObject(service));
  const settled = service.spec!;
  if (settled.type !== 'ExternalName' && settled.clusterIP !== 'None') {
    settled.clusterIP ??= '10.96.0.7';
    settled.clusterIPs ??= [settled.clusterIP];
  }
  for (const port of settled.ports ?? []) if (settled.type !== 'ClusterIP') port.nodePort ??= NODE_PORT;
  return service;
}

function updated(old: Service, spec: unknown): { service: Service; errors: string[] } {
  const service = read(spec);
  kind.rules.prepareForUpdate!(asObject(service), copyOf(asObject(old)), '');
  const errors = [
    ...kind.rules.validate!(asObject(service)),
    ...kind.rules.validateUpdate!(asObject(service), asObject(old), ''),
  ];
  return { service, errors: errors.map(String) };
}

const errorsOf = (spec: unknown): string[] => kind.rules.validate!(asObject(created(spec))).map(String);

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
      ['spec.clusterIPs: Invalid value: ["10.96.0.43"]: first value must match `clusterIP`'],
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
  });

  it('may not change its address', () => {
    const old = created({ ports: [{ port: 80 }] });
    expect(updated(old, { clusterIP: 'None', ports: [{ port: 80 }] }).errors).toEqual([
      'spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set',
    ]);
  });
});
