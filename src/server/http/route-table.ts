/** Which methods each path takes, so that a wrong method is told apart from a wrong path. */

export class RouteTable {
  readonly #routes = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  add(methods: string | readonly string[], url: string): void {
    // The catch-all of the web pages would make every path exist.
    if (url === '*' || url === '/*') return;
    const route = this.#routes.get(url) ?? { pattern: patternOf(url), methods: new Set() };
    this.#routes.set(url, route);
    for (const method of [methods].flat()) route.methods.add(method);
  }

  /** Every path pattern with its methods. */
  all(): { readonly url: string; readonly methods: readonly string[] }[] {
    return [...this.#routes].map(([url, { methods }]) => ({ url, methods: [...methods].sort() }));
  }

  /** Sorted; empty where the path is unknown. */
  methodsOf(path: string): string[] {
    const methods = new Set<string>();
    for (const route of this.#routes.values())
      if (route.pattern.test(path)) for (const method of route.methods) methods.add(method);
    return [...methods].sort();
  }
}

function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) =>
      part === '*' ? '.*' : part.startsWith(':') ? '[^/]+' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('/');
  return new RegExp(`^${source}$`);
}
