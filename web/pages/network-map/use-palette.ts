import { useComputedColorScheme } from '@mantine/core';
import { darkPalette, lightPalette, type MapPalette } from './graph/map-palette.ts';

/** The map's colours in the theme that is in force. */
export function usePalette(): MapPalette {
  return useComputedColorScheme('light', { getInitialValueInEffect: false }) === 'dark'
    ? darkPalette
    : lightPalette;
}
