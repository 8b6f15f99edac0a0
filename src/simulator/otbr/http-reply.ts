/** One answer of the fake border router's HTTP server, as its dialect makes it, before faults change it. */

export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly accept: string | null;
  readonly contentType: string | null;
  readonly body: string;
}

export interface HttpReply {
  readonly status: number;
  readonly contentType: string | null;
  readonly body: string;
  /** Between the status line and the type, such as Allow. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** It takes so long to answer. */
  readonly afterMs?: number;
}

export const jsonType = 'application/json';
export const jsonApiType = 'application/vnd.api+json';

/** As cpp-httplib writes them. */
export const reasons: ReadonlyMap<number, string> = new Map([
  [200, 'OK'],
  [204, 'No Content'],
  [400, 'Bad Request'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [406, 'Not Acceptable'],
  [415, 'Unsupported Media Type'],
  [422, 'Unprocessable Content'],
  [500, 'Internal Server Error'],
  [503, 'Service Unavailable'],
]);
