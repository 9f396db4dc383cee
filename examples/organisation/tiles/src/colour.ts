/** Red, green and blue, each from 0 to 255. */
export type Colour = readonly [number, number, number];

/** Relative luminance as WCAG 2 defines it, from 0 for black to 1 for white. */
export function luminance([red, green, blue]: Colour): number {
  const linear = (channel: number): number => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/** Contrast of two colours, from 1 to 21. Text needs 4.5. */
export function contrast(a: Colour, b: Colour): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** The text colour to put on a cover of that colour. */
export function textOn(background: Colour): Colour {
  return contrast(background, [255, 255, 255]) >= 4.5 ? [255, 255, 255] : [17, 17, 17];
}
