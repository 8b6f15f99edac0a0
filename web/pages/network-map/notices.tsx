/** What stands between the reader and a true map, said in plain sight. */
import { Alert, Button, Group } from '@mantine/core';
import { useHubConnection } from '../../api/hub-context.ts';
import { formatAge, formatMinute, formatSentence } from '../../ui/format.ts';
import { WarningIcon } from '../../ui/icons.tsx';
import { useNow } from '../../ui/use-now.ts';
import type { DisplayedMap } from './displayed-map.ts';
import type { ScanControl } from './use-scan-control.ts';
import classes from './notices.module.css';

export interface NoticesProps {
  readonly map: DisplayedMap | null;
  readonly loadError: Error | null;
  readonly control: Pick<ScanControl, 'failure' | 'dismissFailure'>;
  readonly onRetry: () => void;
}

export function Notices({ map, loadError, control, onRetry }: NoticesProps) {
  const { state } = useHubConnection();
  const isOffline = state === 'reconnecting';
  if (!isOffline && loadError === null && control.failure === null) return null;
  return (
    <div className={classes.notices}>
      {isOffline && <OfflineNotice map={map} />}
      {!isOffline && loadError !== null && (
        <Alert
          color="red"
          classNames={{ title: classes.title, icon: classes.bad }}
          icon={<WarningIcon />}
          title="The map could not be read"
          role="alert"
        >
          <Group justify="space-between">
            <span>{formatSentence(loadError.message)}</span>
            <Button size="xs" variant="default" onClick={onRetry}>
              Try again
            </Button>
          </Group>
        </Alert>
      )}
      {control.failure !== null && (
        <Alert
          color="red"
          classNames={{ title: classes.title, icon: classes.bad }}
          icon={<WarningIcon />}
          title={control.failure.title}
          role="alert"
          withCloseButton
          closeButtonLabel="Dismiss"
          onClose={control.dismissFailure}
        >
          {formatSentence(control.failure.reason)}
        </Alert>
      )}
    </div>
  );
}

function OfflineNotice({ map }: { readonly map: DisplayedMap | null }) {
  const nowMs = useNow();
  const hasMap = map !== null && map.scanId !== null;
  return (
    <Alert
      color="yellow"
      classNames={{ title: classes.title, icon: classes.warn }}
      icon={<WarningIcon />}
      title="The hub does not answer"
      role="alert"
    >
      {hasMap
        ? `This is the map of ${formatMinute(map.madeAt, nowMs)} (${formatAge(nowMs - map.madeAt)}); the mesh may have changed since. `
        : 'There is no map to show yet. '}
      Trying to reconnect. Is <span className="mono">threadhub serve</span> running, and this device on its
      network?
    </Alert>
  );
}
