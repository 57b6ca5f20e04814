// Resource records as plain data: what the record families make, and what the encoder writes.
import type { TYPE } from './constants.ts';
import type { Name } from './name.ts';

interface Common {
  /** Absent: the name that was asked for, spelt as it was asked. */
  readonly owner?: Name;
  /** Seconds. */
  readonly ttl: number;
}

export interface AddressRecord extends Common {
  readonly type: typeof TYPE.A | typeof TYPE.AAAA;
  /** As text, of the type's family. */
  readonly address: string;
}

/** Records that hold nothing but a name. */
export interface TargetRecord extends Common {
  readonly type: typeof TYPE.CNAME | typeof TYPE.PTR | typeof TYPE.NS;
  readonly target: Name;
}

/** RFC 2782. */
export interface ServerRecord extends Common {
  readonly type: typeof TYPE.SRV;
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: Name;
}

export interface TextRecord extends Common {
  readonly type: typeof TYPE.TXT;
  readonly text: string;
}

/** RFC 1035 section 3.3.13; times in seconds. */
export interface StartRecord extends Common {
  readonly type: typeof TYPE.SOA;
  readonly primary: Name;
  readonly mailbox: Name;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  /** How long a negative answer may be kept (RFC 2308). */
  readonly minimum: number;
}

export type ResourceRecord = AddressRecord | TargetRecord | ServerRecord | TextRecord | StartRecord;
