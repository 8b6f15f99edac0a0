/** The hub refused, or could not be reached (`code` is `hub_unreachable`, `status` 0). The message is for people. */
export class HubError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, status: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'HubError';
    this.code = code;
    this.status = status;
  }
}
