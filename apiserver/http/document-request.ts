// What is asked of the documents: paths that are no resources.
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestInfo } from './request-info.ts';

export interface DocumentRequest {
  readonly info: RequestInfo;
  readonly headers: IncomingHttpHeaders;
  /** Whether JSON is indented. */
  readonly pretty: boolean;
}
