/** Holds the closed codes and `docs/errors.md` together, both ways. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { codeRows, sectionOf } from '../test/support/markdown-table.ts';
import * as errors from './errors.ts';
import { edgeErrorCodes, problemStatuses } from './server/http/problem.ts';

const markdown = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');

/** `scanErrorCodes` are the codes of `ScanError`. */
const documentable = Object.entries<unknown>({ ...errors, edgeErrorCodes })
  .filter((entry): entry is [string, readonly string[]] => entry[0].endsWith('ErrorCodes'))
  .map(([name, codes]) => ({
    className: name.charAt(0).toUpperCase() + name.slice(1, -'Codes'.length),
    codes,
  }));

const documented = (className: string) =>
  codeRows(sectionOf(markdown, `## ${className}`)).map(
    ([code = '', status = '', meaning = '', advice = '']) => ({ code, status, meaning, advice }),
  );

describe('docs/errors.md', () => {
  it('has a section for every class of errors, and for nothing else', () => {
    const headings = [...markdown.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(headings.toSorted()).toEqual(documentable.map(({ className }) => className).toSorted());
  });

  it.each(documentable)('lists exactly the codes of $className', ({ className, codes }) => {
    expect(
      documented(className)
        .map(({ code }) => code)
        .toSorted(),
    ).toEqual([...codes].sort());
  });

  it('gives each code the HTTP status that the server gives it', () => {
    // CoAP's codes are its own: two of them read like a class that has a status.
    const statuses = new Map<string, number>(Object.entries(problemStatuses));
    for (const { className } of documentable) {
      if (className === 'CoapError') continue;
      for (const { code, status } of documented(className)) {
        expect(status, code).toBe(statuses.get(code)?.toString() ?? '');
      }
    }
  });

  it('says of each what it means and what to do', () => {
    for (const { className } of documentable) {
      for (const { advice, code, meaning } of documented(className)) {
        expect(meaning, code).toMatch(/\.$/);
        expect(advice, code).toMatch(/\.$/);
      }
    }
  });

  it('documents every status of the server', () => {
    const all = new Set(
      documentable.flatMap(({ className }) => documented(className).map(({ code }) => code)),
    );
    expect(Object.keys(problemStatuses).filter((code) => !all.has(code))).toEqual([]);
  });
});

describe('ThreadhubError', () => {
  it('is named after its class and keeps code and cause', () => {
    const cause = new Error('disk');
    const error = new errors.StoreError('store_full', 'the disk is full', { cause });
    expect(error).toMatchObject({ name: 'StoreError', code: 'store_full', cause });
    expect(error).toBeInstanceOf(errors.ThreadhubError);
  });
});
