/** The map's colours in both themes; the legend uses the same. Text and marks have AA contrast to `surface`. */
export interface MapPalette {
  readonly surface: string;
  readonly text: string;
  readonly muted: string;
  readonly networkFill: string;
  readonly networkBorder: string;
  readonly split: string;
  readonly answered: string;
  readonly answeredBorder: string;
  readonly borderRouter: string;
  readonly borderRouterBorder: string;
  readonly silent: string;
  readonly silentFill: string;
  readonly inferred: string;
  readonly waiting: string;
  readonly waitingFill: string;
  readonly quality3: string;
  readonly quality2: string;
  readonly quality1: string;
  readonly qualityUnknown: string;
  readonly focus: string;
}

export const lightPalette: MapPalette = {
  surface: '#ffffff',
  text: '#212529',
  muted: '#495057',
  networkFill: '#f4f7f8',
  networkBorder: '#ced4da',
  split: '#c2255c',
  answered: '#0c8599',
  answeredBorder: '#095c6a',
  borderRouter: '#5f3dc4',
  borderRouterBorder: '#3b2290',
  silent: '#c92a2a',
  silentFill: '#fff0f0',
  inferred: '#5c6770',
  waiting: '#6c757d',
  waitingFill: '#d3d9de',
  quality3: '#2b8a3e',
  quality2: '#b35c00',
  quality1: '#c92a2a',
  qualityUnknown: '#868e96',
  focus: '#1864ab',
};

export const darkPalette: MapPalette = {
  surface: '#16191d',
  text: '#f1f3f5',
  muted: '#ced4da',
  networkFill: '#1d2126',
  networkBorder: '#3b4249',
  split: '#faa2c1',
  answered: '#22a7bd',
  answeredBorder: '#99e9f2',
  borderRouter: '#9775fa',
  borderRouterBorder: '#d0bfff',
  silent: '#ff8787',
  silentFill: '#3b1d1f',
  inferred: '#adb5bd',
  waiting: '#98a2ab',
  waitingFill: '#373d43',
  quality3: '#51cf66',
  quality2: '#ffa94d',
  quality1: '#ff6b6b',
  qualityUnknown: '#868e96',
  focus: '#74c0fc',
};
