/** A clock that all processes of this machine share, ms; for times that travel between them. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
