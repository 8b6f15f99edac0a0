/** Exit codes of every command; `--help` and the documentation name them. */
export const exitCodes = {
  ok: 0,
  /** It failed, a hub did not answer, a check found a problem. */
  failed: 1,
  /** The command line or an option's value is wrong. */
  usage: 2,
  /** `scan`: it ended with nodes still open. */
  partial: 3,
  /** A second Ctrl-C. */
  interrupted: 130,
} as const;
