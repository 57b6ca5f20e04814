// KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1): what a file may say, upstream's defaults, and how /configz shows it.
import { parse } from 'yaml';
import * as z from 'zod';
import { parseDuration } from '../host/duration.ts';
import { UsageError } from '../host/lifecycle.ts';

export const API_VERSION = 'kubeproxy.config.k8s.io/v1alpha1';

/** Absent and null are the same in a configuration file. */
const unset = <T>(value: T | null | undefined, fallback: T): T => value ?? fallback;

const text = (fallback = ''): z.ZodType<string> =>
  z
    .string()
    .nullish()
    .transform((value) => unset(value, fallback));
const flag = (fallback: boolean): z.ZodType<boolean> =>
  z
    .boolean()
    .nullish()
    .transform((value) => unset(value, fallback));
const count = (fallback: number): z.ZodType<number> =>
  z
    .number()
    .int()
    .nullish()
    .transform((value) => unset(value, fallback));
const texts = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? null);

/** ms; Go's text in the file. */
const duration = (fallbackMs: number): z.ZodType<number> =>
  z
    .string()
    .nullish()
    .transform((value, context) => {
      const ms = value === null || value === undefined ? fallbackMs : parseDuration(value === '0s' ? '0' : value);
      if (ms !== undefined) return ms;
      context.addIssue({ code: 'custom', message: `not a duration: ${JSON.stringify(value)}` });
      return z.NEVER;
    });

/** A part that may be left out stands for its defaults. */
const part = <S extends z.ZodRawShape>(shape: S) => z.preprocess((value) => value ?? {}, z.object(shape));

const SYNC_MS = 30_000;
const HOUR_MS = 3_600_000;

// biome-ignore format: one field per row reads as a table, in the order of upstream's type
const CONFIGURATION = z.object({
  kind: z.literal('KubeProxyConfiguration').default('KubeProxyConfiguration'),
  apiVersion: z.literal(API_VERSION).default(API_VERSION),
  clientConnection: part({
    kubeconfig: text(), acceptContentTypes: text(), contentType: text('application/vnd.kubernetes.protobuf'),
    qps: z.number().nullish().transform((value) => value || 5), burst: z.number().nullish().transform((value) => value || 10),
  }),
  hostnameOverride: text(),
  bindAddress: text('0.0.0.0'),
  healthzBindAddress: text('0.0.0.0:10256'),
  metricsBindAddress: text('127.0.0.1:10249'),
  bindAddressHardFail: flag(false),
  enableProfiling: flag(false),
  showHiddenMetricsForVersion: text(),
  mode: text(),
  iptables: part({
    masqueradeBit: count(14), masqueradeAll: flag(false), localhostNodePorts: flag(true),
    syncPeriod: duration(SYNC_MS), minSyncPeriod: duration(0),
  }),
  nftables: part({
    masqueradeBit: count(14), masqueradeAll: flag(false), syncPeriod: duration(SYNC_MS), minSyncPeriod: duration(0),
  }),
  detectLocalMode: text(),
  detectLocal: part({ bridgeInterface: text(), interfaceNamePrefix: text() }),
  clusterCIDR: text(),
  nodePortAddresses: texts,
  oomScoreAdj: z.number().int().min(-1000).max(1000).nullish().transform((value) => unset(value, -999)),
  conntrack: part({
    maxPerCore: count(32768), min: count(131072), tcpEstablishedTimeout: duration(24 * HOUR_MS),
    tcpCloseWaitTimeout: duration(HOUR_MS), tcpBeLiberal: flag(false), udpTimeout: duration(0), udpStreamTimeout: duration(0),
  }),
  configSyncPeriod: duration(HOUR_MS / 4),
  portRange: text(),
});

export type KubeProxyConfiguration = z.infer<typeof CONFIGURATION>;

/** Understood by upstream and of no use here: taken without a word. */
const WITHOUT_EFFECT = new Set(['logging', 'ipvs', 'winkernel', 'featureGates', 'windowsRunAsService']);

export interface ReadConfiguration {
  readonly configuration: KubeProxyConfiguration;
  /** Fields that nobody knows: told, and otherwise ignored, as upstream does. */
  readonly unknown: readonly string[];
}

/** Reads YAML or JSON. Throws UsageError that names the field and what is wrong with it. */
export function readConfiguration(source: string): ReadConfiguration {
  let value: unknown;
  try {
    value = parse(source) ?? {};
  } catch (error) {
    throw new UsageError(`the configuration is not YAML: ${(error as Error).message}`);
  }
  const configuration = configurationOf(value);
  return { configuration, unknown: unknownFields(value as object, configuration) };
}

/** What is left out stands for its default. Throws UsageError. */
export function configurationOf(value: unknown): KubeProxyConfiguration {
  const result = CONFIGURATION.safeParse(value);
  if (result.success) return result.data;
  const [{ path, message }] = result.error.issues;
  throw new UsageError(`the configuration's ${path.join('.') || 'content'}: ${message}`);
}

function unknownFields(given: object, known: object, path = ''): string[] {
  return Object.entries(given).flatMap(([name, value]) => {
    const at = path ? `${path}.${name}` : name;
    if (path === '' && WITHOUT_EFFECT.has(name)) return [];
    if (!(name in known)) return [at];
    const inner = known[name as keyof typeof known] as unknown;
    const isPart = (one: unknown): one is object => typeof one === 'object' && one !== null && !Array.isArray(one);
    return isPart(value) && isPart(inner) ? unknownFields(value, inner, at) : [];
  });
}

/** `1h30m0s`, `2s`, `50ms`, `0s`: as Go prints durations. */
export function durationText(ms: number): string {
  if (ms > 0 && ms < 1000) return `${ms}ms`;
  const [hours, minutes, seconds] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, (ms / 1000) % 60];
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`;
}

const DURATIONS = /Period$|Timeout$/;

/** As JSON with Go's durations. */
export function shownConfiguration(configuration: KubeProxyConfiguration): object {
  const show = (value: unknown, name = ''): unknown => {
    if (typeof value === 'number' && DURATIONS.test(name)) return durationText(value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, show(inner, key)]));
  };
  return show(configuration) as object;
}
