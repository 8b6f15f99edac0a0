import { Anchor, Center, Stack, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';

export function NotFound() {
  return (
    <Center p="xl" mih="60dvh">
      <Stack align="center" gap="xs">
        <Title order={1} size="h2">
          There is no page at this address
        </Title>
        <Text>
          <Anchor renderRoot={(props) => <Link to="/network-map" {...props} />}>Go to the network map</Anchor>
        </Text>
      </Stack>
    </Center>
  );
}
