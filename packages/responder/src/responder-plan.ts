// How this replay answers, as its test config has it: a JSON file with the `responder` part of one, whose values go before those
// of the configuration. It must not know what the parts mean.
import { readFile } from 'node:fs/promises';
import { OperatingError } from '@echoplane/runtime';
import { ResponderPlan } from '@echoplane/traffic';
import { z } from 'zod';
import type { Destination } from './alias-listener.ts';
import { splitAuthority } from './channel.ts';

/** The real hosts that a plan names. */
export function destinationsOf({ realHosts = [] }: ResponderPlan): Destination[] {
  return realHosts.flatMap((text) => {
    const found = splitAuthority(text);
    return found ? [{ host: found.host.toLowerCase(), port: found.port }] : [];
  });
}

/** Of `path`; empty when there is none. Throws OperatingError when it cannot be read or names what does not exist. */
export async function readPlan(path: string | undefined): Promise<ResponderPlan> {
  if (path === undefined) return {};
  try {
    return ResponderPlan.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined;
    const reason = issue
      ? `${issue.path.join('.') || 'the plan'}: ${issue.message}`
      : (cause as Error).message;
    const sentence = `${path} is not how a responder answers: ${reason}.`;
    throw new OperatingError('plan_unreadable', sentence, { cause });
  }
}
