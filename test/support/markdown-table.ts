/** Rows of Markdown tables, for tests that hold documents and code together. */

/** Trimmed cells of each row whose first cell is a code span, which comes without its backticks. */
export function codeRows(markdown: string): string[][] {
  return markdown
    .split('\n')
    .filter((line) => /^\|\s*`/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .map(([first = '', ...rest]) => [first.replaceAll('`', ''), ...rest]);
}

/** What stands under a heading, up to the next one of its level. */
export function sectionOf(markdown: string, heading: string): string {
  const level = heading.split(' ')[0] ?? '#';
  const [, after = ''] = markdown.split(`\n${heading}\n`);
  return after.split(`\n${level} `)[0] ?? '';
}
