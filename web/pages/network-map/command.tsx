/** A command line to copy. */
import { Code, CopyButton, UnstyledButton } from '@mantine/core';
import classes from './getting-started.module.css';

export function Command({ text }: { readonly text: string }) {
  return (
    <div className={classes.command}>
      <Code className={classes.code}>{text}</Code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <UnstyledButton className={classes.copy} onClick={copy}>
            {copied ? 'Copied' : 'Copy'}
          </UnstyledButton>
        )}
      </CopyButton>
    </div>
  );
}
