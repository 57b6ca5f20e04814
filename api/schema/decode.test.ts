import { describe, expect, it } from 'vitest';
import { Catalogue } from '../catalogue.ts';
import { decode } from './decode.ts';
import { applyDefaults } from './defaults.ts';
import { parseJson } from './json.ts';

const catalogue = new Catalogue();
const kindOf = (group: string, kind: string) => catalogue.byKind(group, 'v1', kind)!;

function read(group: string, kind: string, value: unknown) {
  const { object } = decode(kindOf(group, kind), value, { validation: 'Strict' });
  applyDefaults(kindOf(group, kind), object);
  return object;
}

describe('decoding', () => {
  it.each([
    [
      { metadata: { name: true } },
      'json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.name of type string',
    ],
    [
      { spec: { replicas: 'x' } },
      'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      { spec: { replicas: 1.5 } },
      'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [{ spec: 'x' }, 'json: cannot unmarshal string into Go struct field Deployment.spec of type v1.DeploymentSpec'],
    [
      { spec: { template: { spec: { containers: {} } } } },
      'json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container',
    ],
    [
      { metadata: { labels: { a: 1 } } },
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels.a of type string',
    ],
    [
      { spec: { strategy: { type: 3 } } },
      'json: cannot unmarshal number into Go struct field DeploymentStrategy.spec.strategy.type of type v1.DeploymentStrategyType',
    ],
    [
      { metadata: { creationTimestamp: 'now' } },
      'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"',
    ],
    ['x', 'json: cannot unmarshal string into Go value of type v1.Deployment'],
  ])('refuses %j', (value, words) => {
    expect(() => read('apps', 'Deployment', value)).toThrow(
      `Deployment in version "v1" cannot be handled as a Deployment: ${words}`,
    );
  });

  it('refuses another kind', () => {
    expect(() => read('', 'ConfigMap', { apiVersion: 'v1', kind: 'Secret' })).toThrow(
      'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
    );
  });

  it('names unknown fields in the order of the document', () => {
    const value = { spec: { ports: [{ port: 80, portt: 1 }], typo: true }, extra: 1 };
    const words =
      'strict decoding error: unknown field "spec.ports[0].portt", unknown field "spec.typo", unknown field "extra"';
    expect(() => read('', 'Service', structuredClone(value))).toThrow(words);
    const { object, warnings } = decode(kindOf('', 'Service'), value, { validation: 'Warn', found: ['said before'] });
    expect(warnings).toEqual([
      'said before',
      'unknown field "spec.ports[0].portt"',
      'unknown field "spec.typo"',
      'unknown field "extra"',
    ]);
    expect(object).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: '' },
      spec: { ports: [{ port: 80 }] },
    });
  });

  it("keeps what Go's encoding keeps, and no more", () => {
    const slice = read('discovery.k8s.io', 'EndpointSlice', {
      metadata: { name: 'a', labels: {} },
      addressType: 'IPv4',
      endpoints: [],
    });
    expect(slice).toEqual({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'a' },
      addressType: 'IPv4',
      endpoints: null,
      ports: null,
    });
    const pod = read('', 'Pod', {
      metadata: { name: 'p', labels: null, annotations: { ['__proto__']: 'x' } },
      spec: {
        hostNetwork: false,
        nodeName: '',
        volumes: [{ name: 'v', emptyDir: {} }],
        containers: [{ name: 'c', image: 'i:1', resources: { limits: { memory: '1024Mi' } } }],
      },
    });
    expect(pod.metadata).toEqual({ name: 'p', annotations: JSON.parse('{"__proto__":"x"}') });
    expect(pod.spec).not.toHaveProperty('hostNetwork');
    expect(pod.spec).not.toHaveProperty('nodeName');
    expect(pod.spec).toMatchObject({
      volumes: [{ emptyDir: {} }],
      containers: [{ resources: { limits: { memory: '1Gi' } } }],
    });
  });

  it('keeps a zero where Go has a pointer', () => {
    const deployment = read('apps', 'Deployment', {
      metadata: { name: 'd' },
      spec: { replicas: 0, minReadySeconds: 0 },
    });
    expect(deployment.spec).toMatchObject({ replicas: 0 });
    expect(deployment.spec).not.toHaveProperty('minReadySeconds');
  });
});

describe('the catalogue', () => {
  it('has a schema for every kind', () => {
    for (const kind of catalogue.kinds()) expect(kind.schema.properties, kind.kind).toBeDefined();
    expect(catalogue.kinds().length).toBeGreaterThan(60);
  });

  it('finds kinds by path and by name, and shapes of other bodies', () => {
    expect(catalogue.byResource('apps', 'v1', 'deployments')).toBe(catalogue.byKind('apps', 'v1', 'Deployment'));
    expect(catalogue.byKind('', 'v1', 'Pod')!.subresources.get('eviction')).toMatchObject({
      group: 'policy',
      kind: 'Eviction',
    });
    expect(catalogue.shape('autoscaling', 'v1', 'Scale')!.schema.properties).toHaveProperty('spec');
    expect(catalogue.shape('', 'v1', 'Nothing')).toBeUndefined();
  });

  it('stores kinds of two groups once', () => {
    const [old, fresh] = [catalogue.byKind('', 'v1', 'Event')!, catalogue.byKind('events.k8s.io', 'v1', 'Event')!];
    expect(fresh.storage).toBe(old.storage);
    const stored = fresh.rules.toStored!({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'e' },
      note: 'hello',
      regarding: { name: 'q' },
    });
    expect(stored).toMatchObject({ apiVersion: 'v1', message: 'hello', involvedObject: { name: 'q' } });
    expect(fresh.rules.fromStored!(stored)).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      note: 'hello',
      regarding: { name: 'q' },
    });
  });

  it('tells unknown and repeated fields in the order of the text, each once', () => {
    const text = `{"metadata":{"name":"a"},"spec":{"odd":1,"odd":{"x":1,"x":2},"type":"NodePort","type":"ClusterIP",
      "ports":[{"port":1,"nested":{"y":1,"y":2},"port":2,"port":3}]}}`;
    const { value, keys } = parseJson(text, { duplicates: true });
    expect(() => decode(kindOf('', 'Service'), value, { validation: 'Strict', keys })).toThrow(
      'strict decoding error: unknown field "spec.odd", duplicate field "spec.type", unknown field "spec.ports[0].nested", duplicate field "spec.ports[0].port"',
    );
  });

  it('warns of each line that a YAML reader complains of', () => {
    const found = [
      'yaml: unmarshal errors:\n  line 3: key "a" already set in map\n  line 5: key "b" already set in map',
    ];
    const { warnings } = decode(kindOf('', 'ConfigMap'), {}, { validation: 'Warn', found });
    expect(warnings).toEqual(['line 3: key "a" already set in map', 'line 5: key "b" already set in map']);
  });
});
