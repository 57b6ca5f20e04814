// Probes and lifecycle handlers: what one may hold (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { type FieldError, invalid } from '../../field.ts';
import { httpHeaderNameErrors, portNameErrors, portNumberErrors } from '../../selectors/syntax.ts';
import type {
  Container,
  ExecAction,
  GRPCAction,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  PodSpec,
  Probe,
  TCPSocketAction,
} from '../../types/core.v1.ts';
import { named, nonNegative } from '../checks.ts';
import { among, type Check, type Member, maybe, memberOf, needed, structOf } from '../rule-table.ts';

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>;

const WORDS = { tooMany: 'may not specify more than 1 handler type', none: 'must specify a handler type' } as const;
const COUNTS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

const httpGet = structOf<HTTPGetAction>({
  path: needed(),
  port: validatePort,
  scheme: (scheme, field) => among('HTTP', 'HTTPS')(scheme ?? '', field),
  httpHeaders: (headers = [], field) => headers.flatMap(({ name }) => named(httpHeaderNameErrors, name ?? '', field)),
});

const PROBE_MEMBERS: ReadonlyArray<Member<Handler>> = [
  { of: 'exec', check: structOf<ExecAction>({ command: needed() }) },
  { of: 'httpGet', check: httpGet },
  { of: 'tcpSocket', check: structOf<TCPSocketAction>({ port: validatePort }) },
  { of: 'grpc', check: structOf<GRPCAction>({ port: validatePort }) },
];

const probeHandler = memberOf<Handler>(PROBE_MEMBERS, WORDS);

/** `grace`: seconds the pod has to stop; a handler cannot sleep longer. */
const handlerWithin = (grace: number): Check<Handler> =>
  memberOf<Handler>(
    [
      ...PROBE_MEMBERS,
      {
        of: 'sleep',
        check: ({ seconds = 0 }: NonNullable<Handler['sleep']>, field) => {
          if (seconds >= 0 && seconds <= grace) return [];
          const why = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
          return [invalid(field, seconds, why)];
        },
      },
    ],
    WORDS,
  );

const DEFAULT_GRACE_SECONDS = 30;
const handlerWithinDefault = handlerWithin(DEFAULT_GRACE_SECONDS);

function validateProbe(probe: Probe | undefined, field: string): FieldError[] {
  if (!probe) return [];
  const { terminationGracePeriodSeconds: grace } = probe;
  const errors = probeHandler(probe, field);
  for (const count of COUNTS) errors.push(...nonNegative(probe[count], `${field}.${count}`));
  if (grace === undefined || grace > 0) return errors;
  return [...errors, invalid(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than 0')];
}

/** Liveness and startup probes may ask for one success only. */
function validateOnce(probe: Probe | undefined, field: string): FieldError[] {
  if (!probe) return [];
  const { successThreshold: count = 0 } = probe;
  const errors = validateProbe(probe, field);
  return count === 1 ? errors : [...errors, invalid(`${field}.successThreshold`, count, 'must be 1')];
}

/** A readiness probe ends nothing. */
function validateReadiness(probe: Probe | undefined, field: string): FieldError[] {
  const grace = probe?.terminationGracePeriodSeconds;
  const errors = validateProbe(probe, field);
  if (grace === undefined) return errors;
  const at = `${field}.terminationGracePeriodSeconds`;
  return [...errors, invalid(at, grace, 'must not be set for readinessProbes')];
}

export function validateProbes(container: Container, spec: PodSpec, field: string): FieldError[] {
  return [
    ...(container.lifecycle ? validateLifecycle(container.lifecycle, spec, `${field}.lifecycle`) : []),
    ...validateOnce(container.livenessProbe, `${field}.livenessProbe`),
    ...validateReadiness(container.readinessProbe, `${field}.readinessProbe`),
    ...validateOnce(container.startupProbe, `${field}.startupProbe`),
  ];
}

function validateLifecycle({ postStart, preStop }: Lifecycle, spec: PodSpec, field: string): FieldError[] {
  const grace = spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  const handler = maybe(grace === DEFAULT_GRACE_SECONDS ? handlerWithinDefault : handlerWithin(grace));
  return [...handler(postStart, `${field}.postStart`), ...handler(preStop, `${field}.preStop`)];
}

/** A port by number or by name. */
export function validatePort(port: number | string | undefined, field: string): FieldError[] {
  if (typeof port === 'string') return named(portNameErrors, port, field);
  return portNumberErrors(port ?? 0).map((error) => invalid(field, port ?? 0, error));
}
