// An answer of the proxy's ports as it was recorded, and what of it two programs have in common.

export interface RecordedAnswer {
  method: string;
  url: string;
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  error?: string;
}

const TIME = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;
const HEADERS = ['Content-Type', 'X-Content-Type-Options', 'X-Load-Balancing-Endpoint-Weight'];

/** The answer without what is never the same twice. */
export const comparable = ({ status, error, headers = {}, body = '' }: RecordedAnswer) => ({
  status,
  error,
  headers: Object.fromEntries(HEADERS.map((name) => [name, headers[name]])),
  body: body.replace(TIME, 'TIME'),
});
