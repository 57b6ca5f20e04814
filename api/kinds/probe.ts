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
  if (handler.exec && !handler.exec.command?.length) errors.push(required(`${field}.exec.command`));
  if (handler.httpGet) {
    if (!handler.httpGet.path) errors.push(required(`${field}.httpGet.path`));
    errors.push(...validatePort(handler.httpGet.port, `${field}.httpGet.port`));
    errors.push(...oneOf(handler.httpGet.scheme, ['HTTP', 'HTTPS'], `${field}.httpGet.scheme`));
  }
  if (handler.tcpSocket) errors.push(...validatePort(handler.tcpSocket.port, `${field}.tcpSocket.port`));
  if (handler.grpc) errors.push(...validatePort(handler.grpc.port, `${field}.grpc.port`));
  return errors;
}

/** A port by number or by name. */
export function validatePort(port: number | string | undefined, field: string): FieldError[] {
  if (typeof port === 'string') return named(portNameErrors, port, field);
  return portNumberErrors(port ?? 0).map((error) => invalid(field, port ?? 0, error));
}
