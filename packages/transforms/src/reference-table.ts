// The tables of docs/transforms.md: what extractors and functions there are and what each is configured with, out of their
// schemas, so that the page cannot say anything else.
import { z } from 'zod';
import { EXTRACTORS } from './extract/registry.ts';
import { FUNCTIONS } from './functions/registry.ts';

interface Kind {
  name: string;
  about: string;
  config: z.ZodType;
}

interface ConfigSchema {
  properties: Record<string, { default?: unknown }>;
  required?: string[];
}

/** Name, configuration (with defaults; `?` where it may be left out), and what it does. */
export function referenceRows(of: 'extractors' | 'functions'): string[][] {
  const kinds: readonly Kind[] = of === 'extractors' ? EXTRACTORS : FUNCTIONS;
  return kinds.map(({ name, about, config }) => [`\`${name}\``, configCell(config), about]);
}

function configCell(config: z.ZodType): string {
  const { properties, required = [] } = z.toJSONSchema(config, { io: 'input' }) as unknown as ConfigSchema;
  const keys = Object.keys(properties).filter((key) => key !== 'name');
  const shown = keys.map((key) => {
    const fallback = properties[key]!.default;
    if (fallback !== undefined) return `\`${key}\` = \`${JSON.stringify(fallback)}\``;
    return required.includes(key) ? `\`${key}\`` : `\`${key}\`?`;
  });
  return shown.length === 0 ? '–' : shown.join(', ');
}
