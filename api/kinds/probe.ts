// Probes and lifecycle handlers: what one may hold (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { type FieldError, forbidden, invalid, required } from '../field.ts';
import { portNameErrors, portNumberErrors } from '../selectors/syntax.ts';
import type { LifecycleHandler, Probe } from '../types/core.v1.ts';
import { named, nonNegative, oneOf } from './checks.ts';

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>;

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;
const COUNTS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

/** Liveness and startup probes may ask for one success only. */
export function validateProbe(probe: Probe | undefined, field: string, once?: 'one success is enough'): FieldError[] {
  if (!probe) return [];
  const errors = validateHandler(probe, field);
  for (const count of COUNTS) errors.push(...nonNegative(probe[count], `${field}.${count}`));
  if (once && probe.successThreshold !== undefined && probe.successThreshold !== 1) {
    errors.push(invalid(`${field}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
  return errors;
}

export function validateHandler(handler: Handler | undefined, field: string): FieldError[] {
  if (!handler) return [];
  const given = HANDLERS.filter((name) => handler[name] !== undefined);
  const errors = given
    .slice(1)
    .map((name) => forbidden(`${field}.${name}`, 'may not specify more than 1 handler type'));
  if (given.length === 0) return [required(field, 'must specify a handler type')];
  return [...errors, ...validateOne(handler, given[0], `${field}.${given[0]}`)];
}

/** Only the first handler is looked into: more than one is wrong anyway. */
function validateOne(handler: Handler, name: (typeof HANDLERS)[number], field: string): FieldError[] {
  const { exec, httpGet, tcpSocket, grpc } = handler;
  switch (name) {
    case 'exec':
      return exec!.command?.length ? [] : [required(`${field}.command`)];
    case 'httpGet':
      return [
        ...(httpGet!.path ? [] : [required(`${field}.path`)]),
        ...validatePort(httpGet!.port, `${field}.port`),
        ...oneOf(httpGet!.scheme, ['HTTP', 'HTTPS'], `${field}.scheme`),
      ];
    case 'tcpSocket':
      return validatePort(tcpSocket!.port, `${field}.port`);
    case 'grpc':
      return validatePort(grpc!.port, `${field}.port`);
    case 'sleep':
      return [];
  }
}

/** A port by number or by name. */
export function validatePort(port: number | string | undefined, field: string): FieldError[] {
  if (typeof port === 'string') return named(portNameErrors, port, field);
  return portNumberErrors(port ?? 0).map((error) => invalid(field, port ?? 0, error));
}
