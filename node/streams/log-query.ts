// What a request for a container's log asks for: v1.PodLogOptions as a query.

export interface LogQuery {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  /** ms since the epoch; older lines are left out. */
  readonly since?: number;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  /** Absent: both. */
  readonly stream?: 'stdout' | 'stderr';
}

/** A query that makes no sense; the message is upstream's. */
export class LogQueryError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(JSON.stringify({ message }));
    this.status = status;
  }
}

/** `now` in ms since the epoch. Throws LogQueryError. */
export function readLogQuery(query: URLSearchParams, now: number): LogQuery {
  const tail = query.get('tail');
  const tailLines = tail && tail !== 'all' ? count(tail, 0) : number(query, 'tailLines', 0);
  const sinceSeconds = number(query, 'sinceSeconds', 1);
  const sinceTime = query.get('sinceTime');
  const since = sinceTime ? Date.parse(sinceTime) : sinceSeconds && now - sinceSeconds * 1000;
  if (Number.isNaN(since)) throw new LogQueryError(400, 'Unable to decode query.');
  if (sinceTime && sinceSeconds !== undefined) throw invalid();
  const stream = query.get('stream') || 'All';
  if (!['All', 'Stdout', 'Stderr'].includes(stream)) throw invalid();
  return {
    follow: flag(query, 'follow'),
    previous: flag(query, 'previous'),
    timestamps: flag(query, 'timestamps'),
    since,
    tailLines,
    limitBytes: number(query, 'limitBytes', 1),
    stream: stream === 'All' ? undefined : (stream.toLowerCase() as 'stdout' | 'stderr'),
  };
}

const invalid = (): LogQueryError => new LogQueryError(422, 'Invalid request.');

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== 'false' && value !== '0';
}

function number(query: URLSearchParams, name: string, least: number): number | undefined {
  const text = query.get(name);
  return text ? count(text, least) : undefined;
}

function count(text: string, least: number): number {
  if (!/^-?\d+$/.test(text)) throw new LogQueryError(400, 'Unable to decode query.');
  if (Number(text) < least) throw invalid();
  return Number(text);
}
