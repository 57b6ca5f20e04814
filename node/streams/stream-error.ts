// A request the agent refuses: an HTTP status and one line of text.

export class StreamError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'StreamError';
    this.status = status;
  }
}

/** Any error as what is answered: what nobody foresaw is a 500. */
export function plainText(error: unknown): { status: number; message: string } {
  const { message } = error as Error;
  return { status: error instanceof StreamError ? error.status : 500, message };
}
