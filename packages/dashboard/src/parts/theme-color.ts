// Theme colours for a canvas, which cannot read CSS variables by itself.

/** The colour a Mantine variable has now (`blue-6`, `dimmed`), with an opacity 0..1. */
export function themeColor(name: string, alpha = 1): string {
  const color = getComputedStyle(document.documentElement).getPropertyValue(`--mantine-color-${name}`).trim();
  return alpha === 1 ? color : `color-mix(in srgb, ${color} ${alpha * 100}%, transparent)`;
}
