// What everything that is passed on to nodes, pods and Services is given, and what it is.
import type { Kind } from '../../api/kind.ts';
import type { AnyObject } from '../../api/object.ts';
import type { Exchange } from '../http/pipeline.ts';
import { decodeStored } from '../registry/codec.ts';
import { mustGet } from '../registry/get.ts';
import type { Registry } from '../registry/registry.ts';
import type { NodeIdentity } from './backend.ts';
import type { Dial } from './egress.ts';

export interface ConnectContext {
  readonly registry: Registry;
  /** The way to nodes and pods. */
  readonly dial: Dial;
  readonly identity: NodeIdentity;
  /** Aborts when the server closes: everything that is passed on ends. */
  readonly signal: AbortSignal;
}

/** Serves one exchange to its end and resolves with the status that was answered. Throws StatusError while nothing was. */
export type Connector = (exchange: Exchange, kind: Kind, context: ConnectContext) => Promise<number>;

/** An object of the core group. Throws 404. */
export function storedObject<T>(registry: Registry, kindName: string, namespace: string, name: string): T {
  const kind = registry.catalogue.byKind('', 'v1', kindName)!;
  return decodeStored(kind, mustGet(registry, kind, namespace, name).value) as AnyObject as T;
}
