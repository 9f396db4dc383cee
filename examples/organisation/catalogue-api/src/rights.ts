/** A window in which a track may be heard in some countries. */
export interface Window {
  /** ISO 3166 codes; "*" stands for all. */
  countries: readonly string[];
  from: Date;
  /** Open where it is absent. */
  until?: Date;
}

/** Tells whether a track may be heard in a country at an instant. One window that allows it is enough. */
export function playable(windows: readonly Window[], country: string, at: Date): boolean {
  return windows.some((window) => covers(window, country) && window.from <= at && (!window.until || at < window.until));
}

function covers(window: Window, country: string): boolean {
  return window.countries.includes("*") || window.countries.includes(country);
}

/** Returns when the answer changes next, so that it can be cached until then. */
export function nextChange(windows: readonly Window[], at: Date): Date | undefined {
  const instants = windows.flatMap((window) => (window.until ? [window.from, window.until] : [window.from]));
  const later = instants.filter((instant) => instant > at).sort((a, b) => a.getTime() - b.getTime());
  return later[0];
}
