// Every error the API speaks: `metav1.Status` with upstream's reason, code and wording
// (k8s.io/apimachinery v0.36 pkg/api/errors). Thrown as StatusError, turned into an answer at the HTTP edge only.
import type { FieldError } from './field.ts';

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { continue?: string; remainingItemCount?: number };
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code?: number;
}

/** What an error is about: `plural` is what messages name (`pods "web" not found`). */
export interface Subject {
  group: string;
  plural: string;
}

const qualified = ({ group, plural }: Subject): string => (group ? `${plural}.${group}` : plural);

export class StatusError extends Error {
  readonly status: Status;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.name = 'StatusError';
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      ...(reason && { reason }),
      ...(details && { details }),
      code,
    };
  }

  get code(): number {
    return this.status.code!;
  }

  get reason(): string {
    return this.status.reason ?? '';
  }

  static badRequest(message: string): StatusError {
    return new StatusError(400, 'BadRequest', message);
  }

  static unauthorized(message = 'Unauthorized'): StatusError {
    return new StatusError(401, 'Unauthorized', message);
  }

  static forbidden(subject: Subject, name: string, why: string): StatusError {
    const what = name ? `${qualified(subject)} "${name}"` : qualified(subject);
    return new StatusError(403, 'Forbidden', `${what} is forbidden: ${why}`, about(subject, name));
  }

  static notFound(subject: Subject, name: string): StatusError {
    return new StatusError(404, 'NotFound', `${qualified(subject)} "${name}" not found`, about(subject, name));
  }

  static methodNotSupported(subject: Subject, verb: string): StatusError {
    const message = `${verb} is not supported on resources of kind "${qualified(subject)}"`;
    return new StatusError(405, 'MethodNotAllowed', message, about(subject, ''));
  }

  static alreadyExists(subject: Subject, name: string): StatusError {
    return new StatusError(
      409,
      'AlreadyExists',
      `${qualified(subject)} "${name}" already exists`,
      about(subject, name),
    );
  }

  static conflict(subject: Subject, name: string, why: string): StatusError {
    const message = `Operation cannot be fulfilled on ${qualified(subject)} "${name}": ${why}`;
    return new StatusError(409, 'Conflict', message, about(subject, name));
  }

  /** The wording of a lost optimistic-concurrency race. */
  static modified(subject: Subject, name: string): StatusError {
    return StatusError.conflict(
      subject,
      name,
      'the object has been modified; please apply your changes to the latest version and try again',
    );
  }

  static expired(message: string): StatusError {
    return new StatusError(410, 'Expired', message);
  }

  static gone(message: string): StatusError {
    return new StatusError(410, 'Gone', message);
  }

  static requestTooLarge(message: string): StatusError {
    return new StatusError(413, 'RequestEntityTooLarge', message);
  }

  static unsupportedMediaType(message: string): StatusError {
    return new StatusError(415, 'UnsupportedMediaType', message);
  }

  /** `kind` is the singular kind name: upstream says `Service "web" is invalid: …`. */
  static invalid(
    subject: { group: string; kind: string },
    name: string | undefined,
    errors: readonly FieldError[],
  ): StatusError {
    const lines = [...new Set(errors.map((error) => error.toString()))];
    const said = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
    const qualifiedKind = subject.group ? `${subject.kind}.${subject.group}` : subject.kind;
    return new StatusError(422, 'Invalid', `${qualifiedKind} "${name ?? ''}" is invalid: ${said}`, {
      ...(name && { name }),
      ...(subject.group && { group: subject.group }),
      kind: subject.kind,
      causes: errors.map((error) => ({ reason: error.type, message: error.body(), field: error.field })),
    });
  }

  static tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
    return new StatusError(429, 'TooManyRequests', message, { retryAfterSeconds });
  }

  static internal(message: string): StatusError {
    return new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
  }

  static timeout(message: string): StatusError {
    return new StatusError(504, 'Timeout', `Timeout: ${message}`);
  }
}

function about(subject: Subject, name: string): StatusDetails {
  return { ...(name && { name }), ...(subject.group && { group: subject.group }), kind: subject.plural };
}

/** True when `error` is a Status with this reason (`NotFound`, `Conflict`, `AlreadyExists`, `Expired`, …). */
export function isReason(error: unknown, reason: string): boolean {
  return error instanceof StatusError && error.reason === reason;
}
