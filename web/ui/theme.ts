import { createTheme, type MantineColorsTuple } from '@mantine/core';

/** Threadhub's petrol. Shade 7 carries white text with 5.3:1, shade 4 reads on the dark ground. */
const petrol: MantineColorsTuple = [
  '#e6f7fa',
  '#d3ecf1',
  '#a7d7e2',
  '#77c2d2',
  '#4fb0c5',
  '#35a4bd',
  '#0c8599',
  '#0b7285',
  '#095c6a',
  '#064450',
];

export const theme = createTheme({
  colors: { petrol },
  primaryColor: 'petrol',
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: '650' },
});
