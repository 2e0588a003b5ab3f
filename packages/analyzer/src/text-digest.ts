/** FNV-1a, 32 bits: what stands for a text where many are remembered. */
export function digestOf(text: string): number {
  let digest = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) digest = Math.imul(digest ^ text.charCodeAt(i), 0x01000193);
  return digest;
}
