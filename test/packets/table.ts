// How a row of the table reads: who sends, to which address of which Service, and what must come of it.
import type { ServiceSpec } from '../../api/types/core.v1.ts';
import type { IPFamily, Protocol } from '../../proxy/plan.ts';
import { type EndpointSpec, portsOf, type ServicePortSpec, type Target } from './objects.ts';
import type { Mode } from './proxies.ts';
import type { Place, ServerPod } from './topology.ts';

/**
 * These servers answer, all of them and nobody else, and see the client's own address (`kept`) or one of the node that translated
 * (`masqueraded`). A pod that reaches itself always sees its node's.
 */
export interface Served {
  readonly by: readonly ServerPod[];
  readonly source: 'kept' | 'masqueraded';
}

/** `refused`: at once, by the rules or, where no rule cares, by the addressed machine itself. `lost`: no answer and no refusal. */
export type Expected = Served | 'refused' | 'lost';

export interface Row {
  readonly from: Place;
  readonly to: Target;
  /** A mode without a row of its own must do as the other. */
  readonly expect: Expected | Readonly<Record<Mode, Expected>>;
  /** Default TCP. */
  readonly protocol?: Protocol;
  /** Default both. */
  readonly family?: IPFamily;
  /** Default: that of the Service. */
  readonly port?: number;
  /** So many attempts must all be answered by one server. */
  readonly staysFor?: number;
}

/** A Service with what it is for, and the rows that prove it. */
export interface Case {
  readonly name: string;
  readonly number: number;
  readonly spec?: Partial<ServiceSpec>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly families?: readonly IPFamily[];
  readonly ports?: readonly ServicePortSpec[];
  readonly ipMode?: 'VIP' | 'Proxy';
  /** One list per slice. */
  readonly slices: readonly (readonly (ServerPod | EndpointSpec)[])[];
  readonly rows: readonly Row[];
}

/** Its own, or those of the usual ones whose protocols its rows speak. */
export function portsOfCase({ ports, number, rows: its }: Case): readonly ServicePortSpec[] {
  const spoken = new Set<Protocol>(['TCP', ...its.map(({ protocol = 'TCP' }) => protocol)]);
  return ports ?? portsOf(number).filter(({ protocol }) => spoken.has(protocol));
}

export const kept = (...by: ServerPod[]): Served => ({ by, source: 'kept' });
export const masqueraded = (...by: ServerPod[]): Served => ({ by, source: 'masqueraded' });

/** One row for every sender and target. */
export function rows(
  from: readonly Place[],
  to: readonly Target[],
  expect: Row['expect'],
  more: Partial<Row> = {},
): Row[] {
  return from.flatMap((sender) => to.map((target) => ({ from: sender, to: target, expect, ...more })));
}

/** The row's name in a test report, the same in every run. */
export function rowName(one: Row, family: IPFamily): string {
  const { from, to, protocol = 'TCP', port, staysFor } = one;
  const extras = [port !== undefined && `port ${port}`, staysFor !== undefined && 'stays'].filter(Boolean).join(', ');
  return `${from} → ${to}, ${protocol}, ${family}${extras && `, ${extras}`}`;
}
