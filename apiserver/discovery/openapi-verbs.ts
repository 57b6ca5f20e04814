// What OpenAPI documents say of each verb, whatever it is about: its method, its parameters, its codes
// (k8s.io/apiserver v0.36 pkg/endpoints/installer.go).
import type { Verb } from '../../api/kind.ts';

export type Method = 'delete' | 'get' | 'head' | 'options' | 'patch' | 'post' | 'put';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly type: 'boolean' | 'integer' | 'string';
}

export const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
export const DEFINITIONS = {
  status: `${META}Status`,
  deleteOptions: `${META}DeleteOptions`,
  patch: `${META}Patch`,
  watchEvent: `${META}WatchEvent`,
} as const;

const words = (type: Parameter['type'], names: string): Parameter[] =>
  names.split(' ').map((name) => ({ name, in: 'query', type }));
export const NAME: Parameter = { name: 'name', in: 'path', type: 'string' };
export const NAMESPACE: Parameter = { name: 'namespace', in: 'path', type: 'string' };
export const PATH: Parameter = { name: 'path', in: 'path', type: 'string' };
export const PRETTY = words('string', 'pretty');
const WRITE = words('string', 'dryRun fieldManager fieldValidation');
const SELECTION = [
  ...words('string', 'continue fieldSelector labelSelector'),
  ...words('integer', 'limit'),
  ...words('string', 'resourceVersion resourceVersionMatch'),
  ...words('boolean', 'sendInitialEvents'),
  ...words('integer', 'timeoutSeconds'),
];
export const LIST = [...words('boolean', 'allowWatchBookmarks'), ...SELECTION, ...words('boolean', 'watch')];
const DELETION = [
  ...words('string', 'dryRun'),
  ...words('integer', 'gracePeriodSeconds'),
  ...words('boolean', 'ignoreStoreReadErrorWithClusterBreakingPotential orphanDependents'),
  ...words('string', 'propagationPolicy'),
];
/** What streams, logs and proxies take. */
export const OPTIONS: Readonly<Record<string, readonly Parameter[]>> = {
  PodAttachOptions: [...words('string', 'container'), ...words('boolean', 'stderr stdin stdout tty')],
  PodExecOptions: [...words('string', 'command container'), ...words('boolean', 'stderr stdin stdout tty')],
  PodPortForwardOptions: words('integer', 'ports'),
  PodProxyOptions: words('string', 'path'),
  ServiceProxyOptions: words('string', 'path'),
  NodeProxyOptions: words('string', 'path'),
  log: [
    ...words('string', 'container'),
    ...words('boolean', 'follow insecureSkipTLSVerifyBackend'),
    ...words('integer', 'limitBytes'),
    ...words('boolean', 'previous'),
    ...words('integer', 'sinceSeconds'),
    ...words('string', 'stream'),
    ...words('integer', 'tailLines'),
    ...words('boolean', 'timestamps'),
  ],
};

interface Action {
  readonly method: Method;
  /** How operations of this verb are called. */
  readonly word: string;
  readonly action: string;
  readonly takes: readonly Parameter[];
  readonly codes: readonly number[];
}

export const ACTIONS: Readonly<Record<Exclude<Verb, 'watch'>, Action>> = {
  list: { method: 'get', word: 'list', action: 'list', takes: LIST, codes: [200] },
  create: { method: 'post', word: 'create', action: 'post', takes: WRITE, codes: [200, 201, 202] },
  deletecollection: {
    method: 'delete',
    word: 'delete',
    action: 'deletecollection',
    takes: [...DELETION, ...SELECTION],
    codes: [200],
  },
  get: { method: 'get', word: 'read', action: 'get', takes: [], codes: [200] },
  update: { method: 'put', word: 'replace', action: 'put', takes: WRITE, codes: [200, 201] },
  patch: {
    method: 'patch',
    word: 'patch',
    action: 'patch',
    takes: [...WRITE, ...words('boolean', 'force')],
    codes: [200, 201],
  },
  delete: { method: 'delete', word: 'delete', action: 'delete', takes: DELETION, codes: [200, 202] },
};
/** Of a request that is passed on, by the method it comes with. */
export const PASSED: readonly Method[] = ['delete', 'get', 'head', 'options', 'patch', 'post', 'put'];
export const ON_COLLECTION: readonly Verb[] = ['list', 'create', 'deletecollection'];
