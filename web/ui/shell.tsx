/** What is around every page: the product's name, the way to the pages, the connection, the theme. */
import { Anchor } from '@mantine/core';
import { Link, Outlet } from '@tanstack/react-router';
import { ColorSchemeSwitch } from './color-scheme-switch.tsx';
import { ConnectionMark } from './connection-mark.tsx';
import { Logo } from './logo.tsx';
import classes from './shell.module.css';

export function Shell() {
  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#main">
        Skip to content
      </a>
      <header className={classes.header}>
        <Anchor
          className={classes.brand}
          underline="never"
          renderRoot={(props) => <Link to="/" {...props} />}
        >
          <Logo />
          <span>Threadhub</span>
        </Anchor>
        <nav aria-label="Pages" className={classes.nav}>
          <Link to="/network-map" className={classes.page} activeProps={{ 'aria-current': 'page' }}>
            Network map
          </Link>
        </nav>
        <div className={classes.end}>
          <ConnectionMark />
          <ColorSchemeSwitch />
        </div>
      </header>
      <main id="main" className={classes.main} tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}
