/** A line of a statement. */
export interface Line {
  trackId: string;
  plays: number;
  cents: number;
}

/** Sorts lines for the page: most money first, ties by track. */
export function sorted(lines: readonly Line[]): Line[] {
  return [...lines].sort((a, b) => b.cents - a.cents || a.trackId.localeCompare(b.trackId));
}
