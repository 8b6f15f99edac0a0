/** A command line to copy. */
import { Code, CopyButton, UnstyledButton } from '@mantine/core';
import { Fragment } from 'react';
import classes from './getting-started.module.css';

export function Command({ text }: { readonly text: string }) {
  return (
    <div className={classes.command}>
      <Code className={classes.code}>
        {text.split(' ').map((word, index) => (
          <Fragment key={`${index} ${word}`}>
            {index > 0 && ' '}
            <span className={classes.word}>{word}</span>
          </Fragment>
        ))}
      </Code>
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
