/** The REST APIs that are in the field: of August 2026, of September 2025 on, before that, and of esp-thread-br. */
export const otbrDialects = ['json-api', 'json-api-2025', 'legacy', 'esp'] as const;
export type OtbrDialect = (typeof otbrDialects)[number];
