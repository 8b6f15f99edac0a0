/* global self, clients, fetch */
/**
 * Shows push messages of the hub, also while none of its pages is open, and tells the hub that they have arrived on this
 * device. It keeps no pages for offline use.
 */
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(clients.claim()));

self.addEventListener('push', (event) => {
  let message;
  try {
    message = event.data.json();
  } catch {
    // Browsers demand that every push shows something.
    message = { title: 'Threadhub', summary: 'There is a message, but it cannot be read.' };
  }
  event.waitUntil(Promise.all([show(message), tellSeen(message.notification_id)]));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.alertId));
});

function show(message) {
  const isOver = message.state === 'resolved';
  return self.registration.showNotification(String(message.title), {
    body: String(message.summary ?? ''),
    // What an alert tells replaces what it told before, and rings again.
    tag: message.alert_id,
    renotify: message.alert_id !== undefined,
    requireInteraction: message.severity === 'critical' && !isOver,
    timestamp: Date.parse(message.happened_at) || Date.now(),
    data: { alertId: message.alert_id },
  });
}

async function tellSeen(notificationId) {
  if (typeof notificationId !== 'string') return;
  try {
    await fetch(`/api/notifications/${encodeURIComponent(notificationId)}/seen`, { method: 'POST' });
  } catch {
    // The hub cannot be reached from here; the message has been shown all the same.
  }
}

async function open(alertId) {
  const address = alertId === undefined ? '/alerts' : `/alerts/${encodeURIComponent(alertId)}`;
  const [page] = await clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (page === undefined) return clients.openWindow(address);
  await page.focus();
  return page.navigate(address);
}
