// One agent's stream: server-sent events down a connection the agent opened. Level-based: each look at the database
// compares what the agent should know with what this stream has told it, and tells the difference. It looks when the bell
// rings, and every so often besides, which is also how an unacknowledged command is told again.
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { CommandBody, DesiredRelease, Signed, StreamEvent } from '@echoplane/api';
import { bellKey, ringBell } from './agent-bell.ts';
import type { Db } from './db.ts';
import type { Services } from './handlers.ts';
import { notFound } from './problems.ts';
import { readReleases } from './releases.ts';
import { configEnvelope } from './rules.ts';

export interface StreamTimes {
  pingMs: number;
  /** After this long a command nobody acknowledged is sent again, and everything is looked at anew. */
  resendMs: number;
}

export interface StreamOptions {
  tenant: string;
  agent: string;
  times: StreamTimes;
  /** Told when the database could not be asked; the stream tries again. */
  trouble: (err: unknown) => void;
}

/** What may lie here unread before nothing more is added; a stream holds this and one event at most. */
const MAX_UNREAD_BYTES = 1 << 20;
/** Commands read in one go, each of 1 MiB at most. */
const COMMANDS_AT_ONCE = 20;
/** As long as the words of a configuration: a stream that comes back is told anew. */
const RELEASES_US = 300_000_000;

const OPEN = 'UPDATE agents SET stream = $2, seen_at_us = $3 WHERE id = $1';
const STILL_MINE = 'UPDATE agents SET seen_at_us = $3 WHERE id = $1 AND stream = $2';
const LEAVE = 'UPDATE agents SET stream = NULL WHERE id = $1 AND stream = $2';
const SUSPENDED = 'SELECT auth_suspended($1) AS suspended';
/** `$1`: the version the agent has; the document of any other. */
const NEW_RULES = `SELECT version, CASE WHEN version IS DISTINCT FROM $1 THEN document END AS document
  FROM rules ORDER BY seq DESC LIMIT 1`;
const WAITING = `SELECT id, body, expires_at_us FROM commands
  WHERE agent = $1 AND state = 'waiting' AND expires_at_us > $2 AND NOT id = ANY ($3)
  ORDER BY created_at_us LIMIT ${COMMANDS_AT_ONCE}`;

interface WaitingCommand {
  id: string;
  body: CommandBody;
  expires_at_us: number;
}

interface Desired {
  suspended: boolean;
  rules: { version: string; document: unknown } | undefined;
  releases: DesiredRelease[];
  commands: WaitingCommand[];
}

export class AgentStream {
  readonly id = randomUUID();
  readonly tenant: string;
  readonly agent: string;
  /** The bytes of the response; it is destroyed with the connection. */
  readonly output = new Readable({ read: () => this.#wanted() });
  /** Resolves when the stream is over and the agent's row says so. */
  readonly ended: Promise<void>;
  readonly #services: Services;
  readonly #times: StreamTimes;
  readonly #trouble: (err: unknown) => void;
  /** When each waiting command was told, in µs. Bound: those of one look, and those told within `resendMs`. */
  readonly #told = new Map<string, number>();
  #config: string | null = null;
  /** The releases as they were told, as JSON; none to begin with. */
  #releases = '[]';
  #suspended = false;
  #looking = false;
  #lookAgain = false;
  #over = false;
  /** Too much lay unread to tell everything: it goes on when the agent reads. */
  #held = false;
  #pushed = 0;
  /** How many bytes had been read at the last ping. */
  #readAtPing = -1;

  constructor(services: Services, { tenant, agent, times, trouble }: StreamOptions) {
    this.#services = services;
    this.tenant = tenant;
    this.agent = agent;
    this.#times = times;
    this.#trouble = trouble;
    const closed = new Promise<void>((resolve) => this.output.once('close', resolve));
    this.output.on('error', () => {});
    this.ended = closed.then(() => this.#leave());
  }

  /** Takes the agent over from any other stream, and begins. Throws when there is no such agent. */
  async open(): Promise<void> {
    const { bell, clock, withTenantAgent } = this.#services;
    const key = bellKey.command(this.tenant, this.agent);
    await withTenantAgent(this.tenant, async (db) => {
      const known = await db.query(OPEN, [this.agent, this.id, clock.nowUs()]);
      if (known.rowCount === 0) throw notFound('agent');
      // Another replica may still serve it: it looks, and ends its stream.
      await ringBell(db, key);
    });
    const look = () => void this.#look();
    const { config, suspension, releases } = bellKey;
    const keys = [key, config(this.tenant), suspension(this.tenant), releases];
    const silence = keys.map((one) => bell.on(one, look));
    const timers = [
      setInterval(() => this.#ping(), this.#times.pingMs),
      setInterval(look, this.#times.resendMs),
    ];
    void this.ended.then(() => {
      for (const off of silence) off();
      for (const timer of timers) clearInterval(timer);
    });
    this.#send('ping');
    look();
  }

  /** Ends the response; what was told and not acknowledged waits for the next stream. */
  end(): void {
    if (this.output.readableLength > 0) this.output.destroy();
    else if (this.#isOpen()) this.output.push(null);
    this.#over = true;
  }

  #ping(): void {
    const read = this.#pushed - this.output.readableLength;
    // Nobody has read anything since the last ping: who comes back gets it all again.
    if (this.output.readableLength > 0 && read === this.#readAtPing) this.output.destroy();
    this.#readAtPing = read;
    this.#send('ping');
  }

  #wanted(): void {
    if (!this.#held) return;
    this.#held = false;
    void this.#look();
  }

  /** One look at a time; what rings meanwhile makes it look once more. */
  async #look(): Promise<void> {
    this.#lookAgain = true;
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#lookAgain && this.#isOpen()) {
        this.#lookAgain = false;
        await this.#tell();
      }
    } catch (err) {
      this.#trouble(err);
    } finally {
      this.#looking = false;
    }
  }

  async #tell(): Promise<void> {
    const desired = await this.#read();
    if (!desired) return this.end();
    if (desired.suspended !== this.#suspended) {
      this.#suspended = desired.suspended;
      this.#send(desired.suspended ? 'suspend' : 'resume', {});
    }
    const { rules } = desired;
    const { signer, clock } = this.#services;
    if (rules && rules.version !== this.#config) {
      this.#send('config', await configEnvelope(signer, this.tenant, rules, clock.nowUs()));
      this.#config = rules.version;
    }
    await this.#tellReleases(desired.releases);
    // There may be more of them than one look takes.
    if (desired.commands.length === COMMANDS_AT_ONCE) this.#lookAgain = true;
    for (const command of desired.commands) {
      if (this.output.readableLength > MAX_UNREAD_BYTES) {
        this.#held = true;
        this.#lookAgain = false;
        return;
      }
      const issuedAt = clock.nowUs();
      const { id, body, expires_at_us: expiresAt } = command;
      const words: Signed = {
        ...{ tenant: this.tenant, agent: this.agent, issuedAt, expiresAt, command: { id, body } },
      };
      this.#send('command', await signer.sign(words));
      this.#told.set(id, issuedAt);
    }
  }

  async #tellReleases(releases: DesiredRelease[]): Promise<void> {
    const text = JSON.stringify(releases);
    if (text === this.#releases) return;
    const { signer, clock } = this.#services;
    const issuedAt = clock.nowUs();
    const words: Signed = { tenant: this.tenant, issuedAt, expiresAt: issuedAt + RELEASES_US, releases };
    this.#send('releases', await signer.sign(words));
    this.#releases = text;
  }

  /** What the agent should know and was not told lately; null when another stream serves it. */
  #read(): Promise<Desired | null> {
    const { clock, withTenantAgent } = this.#services;
    const nowUs = clock.nowUs();
    for (const [id, atUs] of this.#told) {
      if (atUs <= nowUs - this.#times.resendMs * 1000) this.#told.delete(id);
    }
    return withTenantAgent(this.tenant, async (db) => {
      const mine = await db.query(STILL_MINE, [this.agent, this.id, nowUs]);
      if (mine.rowCount === 0) return null;
      return {
        suspended: (await db.query<{ suspended: boolean }>(SUSPENDED, [this.tenant])).rows[0]!.suspended,
        rules: (await db.query<NonNullable<Desired['rules']>>(NEW_RULES, [this.#config])).rows[0],
        releases: await readReleases(db),
        commands: (await this.#waiting(db, nowUs)).rows,
      };
    });
  }

  #waiting(db: Db, nowUs: number) {
    return db.query<WaitingCommand>(WAITING, [this.agent, nowUs, [...this.#told.keys()]]);
  }

  #isOpen(): boolean {
    return !this.output.destroyed && !this.#over;
  }

  #send(event: StreamEvent, data?: unknown): void {
    if (!this.#isOpen()) return;
    const bytes = Buffer.from(`event: ${event}\ndata: ${data === undefined ? '' : JSON.stringify(data)}\n\n`);
    this.#pushed += bytes.length;
    this.output.push(bytes);
  }

  async #leave(): Promise<void> {
    const leave = (db: Db) => db.query(LEAVE, [this.agent, this.id]);
    await this.#services.withTenantAgent(this.tenant, leave).catch(this.#trouble);
  }
}
