// Looks through everything a data plane stored, segments opened, for what redaction must have taken away from the demo's
// traffic: the customers' addresses, passwords, cookies and bearer tokens, the shop's own API key.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFrame, segmentBlocks } from '@echoplane/traffic';

const TOKEN = String.raw`(?!rdx_|eyJ[\w-]*\.[\w-]*\.rdx_)`;
/** Where redaction left something, a token stands instead. */
const SECRETS: Record<string, RegExp> = {
  'e-mail addresses of customers': /@customers\.example/,
  passwords: new RegExp(String.raw`"password\\?":\s*\\?"${TOKEN}`),
  'signed login tokens': /eyJ[\w-]+\.eyJ[\w-]+\.(?!rdx_)/,
  'bearer tokens': new RegExp(`"Bearer ${TOKEN}`),
  'session cookies': new RegExp(`shop_session=${TOKEN}`),
  'the API key of payments': /demo-payments-key/,
};
/** What a redacted recording of the demo cannot be without: proof that the search reads what is stored. */
const TRACE = '@redacted.example.com';

/** One sentence for each secret that stands in the files of the folders in clear; none is what we want. */
export async function storedSecrets(folders: readonly string[]): Promise<string[]> {
  const found = new Map<string, string>();
  let hasTrace = false;
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const text = readable(await readFile(path));
      hasTrace ||= text.includes(TRACE);
      for (const [what, pattern] of Object.entries(SECRETS))
        if (!found.has(what) && pattern.test(text)) found.set(what, path);
    }
  }
  const sentences = [...found].map(([what, path]) => `${what} are stored in clear: ${path}`);
  return hasTrace ? sentences : [...sentences, 'nothing redacted was found in what is stored'];
}

/** The bytes as text, and after them the lines of the frames of a segment. */
function readable(file: Buffer): string {
  const lines = [...segmentBlocks(file)].flatMap((block) =>
    block.kind === 'frame' ? decodeFrame(block.data) : [],
  );
  return [file.toString('latin1'), ...lines].join('\n');
}
