/** The few icons of the pages, drawn on a 20 × 20 grid. Decorative: whatever they sit in has its own label. */
import type { ReactNode } from 'react';

function Icon({ children, size = 18 }: { readonly children: ReactNode; readonly size?: number }) {
  return (
    <svg
      aria-hidden
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.7}
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {children}
    </svg>
  );
}

export const RefreshIcon = () => (
  <Icon>
    <path d="M16.5 9a6.6 6.6 0 0 0-12-2.5M3.5 11a6.6 6.6 0 0 0 12 2.5" />
    <path d="M4 3v3.7h3.7M16 17v-3.7h-3.7" />
  </Icon>
);
export const SunIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="3.4" />
    <path d="M10 2.5v1.6M10 15.9v1.6M2.5 10h1.6M15.9 10h1.6M4.7 4.7l1.1 1.1M14.2 14.2l1.1 1.1M4.7 15.3l1.1-1.1M14.2 5.8l1.1-1.1" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7Z" />
  </Icon>
);
export const ScreenIcon = () => (
  <Icon>
    <rect x="2.8" y="3.8" width="14.4" height="9.4" rx="1.6" />
    <path d="M7 16.8h6M10 13.4v3.2" />
  </Icon>
);
export const SearchIcon = () => (
  <Icon size={16}>
    <circle cx="8.7" cy="8.7" r="5.2" />
    <path d="m12.7 12.7 4 4" />
  </Icon>
);
export const PlusIcon = () => (
  <Icon>
    <path d="M10 4.5v11M4.5 10h11" />
  </Icon>
);
export const MinusIcon = () => (
  <Icon>
    <path d="M4.5 10h11" />
  </Icon>
);
export const FitIcon = () => (
  <Icon>
    <path d="M3.5 7.5v-4h4M16.5 7.5v-4h-4M3.5 12.5v4h4M16.5 12.5v4h-4" />
  </Icon>
);
export const ArrangeIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="2.2" />
    <circle cx="3.8" cy="5" r="1.5" />
    <circle cx="16.2" cy="5" r="1.5" />
    <circle cx="10" cy="17" r="1.5" />
    <path d="m5 6 3.2 2.6M15 6l-3.2 2.6M10 12.2v3.2" />
  </Icon>
);
export const WarningIcon = () => (
  <Icon>
    <path d="M10 3.2 17.4 16H2.6L10 3.2ZM10 8.2v3.6M10 14v.1" />
  </Icon>
);
export const CheckIcon = () => (
  <Icon>
    <path d="m4.5 10.5 3.6 3.6 7.4-8" />
  </Icon>
);
export const CloseIcon = () => (
  <Icon>
    <path d="m5 5 10 10M15 5 5 15" />
  </Icon>
);
