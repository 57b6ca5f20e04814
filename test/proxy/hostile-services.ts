// Services that no API server which validates would store: in every place where a text stands, what means something to a shell, to nft
// or to iptables-restore, or is too long, or not ASCII.
import type { KubeObject } from '../../api/object.ts';
import type { Service, ServicePort } from '../../api/types/core.v1.ts';

/** Stands in every hostile text: nothing that holds it may reach a rule. */
export const MARK = 'h0stile';

export const TEXTS: Readonly<Record<string, string>> = {
  'a quote': `${MARK}" -j ACCEPT -m comment --comment "`,
  'a newline': `${MARK}\nCOMMIT\n*filter\n-A INPUT -j ACCEPT`,
  'nft statements': `${MARK}; flush ruleset`,
  'the end of an nft set': `${MARK} } ; add table ip ${MARK}`,
  'an nft include': `${MARK}\ninclude "/etc/passwd"`,
  'a shell command': `$(touch /run/${MARK})\`touch /run/${MARK}\``,
  'a flag': `-A INPUT -j DROP ${MARK}`,
  'a path': `../../${MARK}`,
  'a backslash': `${MARK}\\`,
  'a null byte': `${MARK}\0`,
  'a control character': `${MARK}\u001b[2J`,
  'letters beyond ASCII': `${MARK}-dïenst-服务`,
  'an upper-case letter': `${MARK}-Web`,
  'three hundred letters': MARK.repeat(40),
  'a hundred thousand letters': MARK.repeat(14_000),
};

/** Values of the wrong kind, or out of range. */
const VALUES: readonly unknown[] = [`80; ${MARK}`, -1, 70_000, 80.5, null, { [MARK]: 1 }, [MARK]];

export interface Hostile {
  readonly about: string;
  readonly service: Service;
  /** Of the Service; default: one that serves. */
  readonly endpointPort?: unknown;
  /** What is wrong is no more than left out: the Service itself is served. */
  readonly isServed?: true;
}

const GOOD_PORT: ServicePort = { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 };

/** `n` makes its addresses. */
function service(n: number, change: { meta?: object; spec?: object; port?: object; ingress?: unknown[] }): Service {
  const ip = `10.96.${1 + (n >> 8)}.${n & 255}`;
  const metadata = { name: `hostile-${n}`, namespace: 'default', uid: `hostile-${n}`, resourceVersion: '1' };
  const ports = [{ ...GOOD_PORT, ...change.port }];
  return {
    metadata: { ...metadata, ...change.meta },
    spec: { type: 'LoadBalancer', clusterIP: ip, clusterIPs: [ip], ports, ...change.spec },
    status: { loadBalancer: { ingress: (change.ingress ?? []) as { ip: string }[] } },
  } as Service;
}

/** Each one time, as the n-th of all. */
export const HOSTILE: readonly Hostile[] = (() => {
  const all: ((n: number) => Hostile)[] = [];
  for (const [about, text] of Object.entries(TEXTS)) {
    const add = (where: string, change: Parameters<typeof service>[1], isServed?: true): void => {
      all.push((n) => ({ about: `${about} in ${where}`, service: service(n, change), isServed }));
    };
    add('its name', { meta: { name: text } });
    add('its namespace', { meta: { namespace: text } });
    add("its port's name", { port: { name: text } });
    add('its protocol', { port: { protocol: text } });
    add('a label', { meta: { labels: { [text]: text } } }, true);
    add('an annotation', { meta: { annotations: { [text]: text } } }, true);
    add('its addresses', { spec: { externalIPs: [text, `192.0.2.1 ${text}`] }, ingress: [{ ip: text }] }, true);
    add('its policies', { spec: { internalTrafficPolicy: text, externalTrafficPolicy: text } });
    add('its affinity', { spec: { sessionAffinity: 'ClientIP', sessionAffinityConfig: affinity(text) } });
  }
  for (const value of VALUES) {
    const about = JSON.stringify(value);
    all.push(
      (n) => ({ about: `port ${about}`, service: service(n, { port: { port: value } }) }),
      // A slice may name no port.
      (n) => ({
        about: `endpoint port ${about}`,
        service: service(n, {}),
        endpointPort: value,
        ...(value === null && { isServed: true }),
      }),
    );
  }
  return all.map((make, n) => make(n));
})();

function affinity(timeoutSeconds: unknown): object {
  return { clientIP: { timeoutSeconds } };
}

/** One endpoint, which serves. */
export function sliceOf({ service: { metadata, spec }, endpointPort = 8080 }: Hostile): KubeObject {
  const [{ name, protocol }] = spec!.ports!;
  const slice = {
    metadata: {
      name: `${metadata.uid}-slice`,
      namespace: metadata.namespace,
      resourceVersion: '1',
      labels: { 'kubernetes.io/service-name': metadata.name },
    },
    addressType: 'IPv4',
    ports: [{ name, protocol, port: endpointPort }],
    endpoints: [{ addresses: ['10.244.1.5'], nodeName: MARK, hints: { forZones: [{ name: MARK }] } }],
  };
  return slice as KubeObject;
}
