/** Whether the page hears from the hub right now. */
import { useHubConnection } from '../api/hub-context.ts';
import classes from './connection-mark.module.css';

const words = { connecting: 'Connecting…', live: 'Live', reconnecting: 'Reconnecting…' };
const titles = {
  connecting: 'Connecting to the hub',
  live: 'Connected to the hub: changes appear as they happen',
  reconnecting: 'The connection to the hub is lost: what is shown may be old',
};

export function ConnectionMark() {
  const { state } = useHubConnection();
  return (
    <span className={classes.mark} data-state={state} title={titles[state]} role="status">
      <span className={classes.dot} aria-hidden />
      <span className={classes.word}>{words[state]}</span>
    </span>
  );
}
