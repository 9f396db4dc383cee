/** How many tiles fit into a width, and how wide each then is. Tiles are never narrower than the minimum. */
export function columns(width: number, minimum = 140, gap = 16): { count: number; tile: number } {
  const count = Math.max(1, Math.floor((width + gap) / (minimum + gap)));
  return { count, tile: (width - gap * (count - 1)) / count };
}
