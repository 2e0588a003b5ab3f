import type { HeaderList } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { compareTest } from './compare-test.ts';
import { LiveValues } from './live-values.ts';
import { epochS, head, iso, json, jwt, replayed, SHIFT_MS } from './shifted-replay.fixture.ts';
import { type AnswerSketch, RECORDED_US, sketchAnswer, sketchTest, type TestSketch } from './test.fixture.ts';

/** Another uuid of version 4 for each number. */
const uuid = (n: number) =>
  `${(n * 0x9e3779b1).toString(16).padStart(8, '0').slice(-8)}-4067-41e9-8bad-9b1deb4d3b${n.toString(16).padStart(2, '0')}`;

describe('what may differ after other answers is no difference:', () => {
  test('serial ids that follow another count, wherever their flow leads', () => {
    const values = new LiveValues(new Map());
    const at = (path: string) => ({ in: 'response' as const, path, flow: 'orders' });
    const created = replayed(
      {
        method: 'POST',
        ...json({ id: 17 }),
        headers: [['Location', '/orders/17']],
        links: [at('body.id'), at('header.location#1')],
      },
      { ...json({ id: 23 }), headers: [['Location', '/orders/23']] },
      values,
    );
    expect([created.differences, created.volatile]).toEqual([
      [],
      [{ path: 'header.location', kind: 'serial' }],
    ]);
    const listed = replayed(
      { ...json([{ id: 17, n: 17 }]), links: [at('body[].id')] },
      json([{ id: 23, n: 17 }]),
      values,
    );
    expect(listed).toMatchObject({ differences: [], leaves: { strict: 4, kind: 0 } });
  });

  test('a time that the service notes by itself, of a thing that no write names then', () => {
    const values = new LiveValues(new Map());
    const made = { method: 'POST', requestBody: { name: 'lantern' }, ...json({}) };
    replayed(made, json({}), values);
    const thing = (seenAt: string | null) => json([{ name: 'lantern', seenAt }]);
    const later = { atUs: 9_000_000 };
    const compared = (was: string | null, is: string | null, more: TestSketch = later) =>
      replayed({ ...more, ...thing(was) }, thing(is), values).differences.map(
        (d) => `${d.path} ${d.problem}`,
      );
    expect(compared(null, iso(SHIFT_MS + 5_123))).toEqual([]);
    expect(compared(iso(5_123), null)).toEqual([]);
    // What the write set.
    expect(compared(iso(2), null)).toEqual(['body[0].seenAt type']);
    expect(compared(null, iso(SHIFT_MS + 3))).toEqual(['body[0].seenAt type']);
    expect(compared(null, iso(SHIFT_MS - 5_123))).toEqual(['body[0].seenAt type']);
    replayed({ method: 'PUT', target: '/things/lantern', atUs: 5_120_000, ...json({}) }, json({}), values);
    expect(compared(iso(5_123), null)).toEqual(['body[0].seenAt type']);
    // Of a thing that nobody named.
    const other = json([{ name: 'kettle', seenAt: null }]);
    const seen = json([{ name: 'kettle', seenAt: iso(SHIFT_MS + 7_123) }]);
    expect(replayed({ ...later, ...other }, seen, values).differences).toHaveLength(1);
  });

  test('an uuid seen before counts as strict', () => {
    const values = new LiveValues(new Map());
    replayed(json({ id: uuid(1) }), json({ id: uuid(2) }), values);
    expect(replayed(json({ id: uuid(1) }), json({ id: uuid(2) }), values).leaves).toMatchObject({
      strict: 3,
      kind: 0,
    });
  });

  test('an instant seen before counts as strict, in the same answer and in later ones', () => {
    const values = new LiveValues(new Map());
    const both = (ms: number) => json({ createdAt: iso(ms), updatedAt: iso(ms) });
    expect(replayed(both(2), both(SHIFT_MS + 3), values).leaves).toMatchObject({ strict: 3, time: 1 });
    expect(replayed(both(2), both(SHIFT_MS + 3), values).leaves).toMatchObject({ strict: 4, time: 0 });
  });

  test('one token of two answers in one second, when the second ends between them', () => {
    const [recorded, early, late] = [0, SHIFT_MS, SHIFT_MS + 1_000].map((ms) =>
      jwt({ sub: 'ann', iat: epochS(ms) }),
    );
    const values = new LiveValues(new Map([['t', recorded!]]));
    const produces = [{ token: 't', path: 'body.token' }];
    replayed({ ...json({ token: recorded }), produces }, json({ token: early }), values);
    const again = (live: string) =>
      replayed(
        json({ token: recorded, said: `Bearer ${recorded}` }),
        json({ token: live, said: `Bearer ${live}` }),
        values,
      );
    expect(again(early!)).toMatchObject({ differences: [], leaves: { strict: 4, kind: 0 } });
    expect(again(late!)).toMatchObject({ differences: [], leaves: { strict: 2, kind: 2 } });
    expect(again(jwt({ sub: 'bob', iat: epochS(SHIFT_MS) })).differences.map(({ path }) => path)).toEqual([
      'body.token!jwt.sub',
      'body.said!jwt.sub',
    ]);
  });

  test('what was written in one recorded second, where the replay took longer', () => {
    const values = new LiveValues(new Map());
    const at = (ms: number) => json({ at: iso(ms).replace(/\.\d+Z/, 'Z') });
    const judged = (recorded: TestSketch, live: AnswerSketch, liveMs: number) => {
      const [test, answer] = [sketchTest(recorded), sketchAnswer(live)];
      const requestUs = RECORDED_US + (SHIFT_MS + liveMs) * 1_000;
      const found = compareTest(test, answer, { values, times: { requestUs, endUs: requestUs + 4_000 } });
      values.learn(test, answer);
      return found.differences.length;
    };
    expect(judged(json({}), json({}), 0)).toBe(0);
    expect(judged({ ...at(5_000), atUs: 5_100_000 }, at(SHIFT_MS + 5_100), 5_100)).toBe(0);
    // Writes something of that second, and does not say so.
    expect(judged({ ...json({}), atUs: 5_600_000 }, json({}), 9_000)).toBe(0);
    const listed = { ...at(5_000), atUs: 60_000_000 };
    expect(judged(listed, at(SHIFT_MS + 9_000), 64_000)).toBe(0);
    expect(judged(listed, at(SHIFT_MS + 30_000), 64_000)).toBe(1);
  });

  test('two instants of a slow exchange that were one in the recording, or are one now', () => {
    const judged = (made: readonly [number, number], shown: readonly [number, number]) => {
      const values = new LiveValues(new Map());
      const created = { ...json({ createdAt: iso(made[0]) }), method: 'POST', durationUs: 800_000 };
      const requestUs = RECORDED_US + SHIFT_MS * 1_000;
      const answer = sketchAnswer(json({ createdAt: iso(SHIFT_MS + shown[0]) }));
      compareTest(sketchTest(created), answer, { values, times: { requestUs, endUs: requestUs + 800_000 } });
      values.learn(sketchTest(created), answer);
      const listed = { ...json({ publishedAt: iso(made[1]) }), atUs: 60_000_000 };
      return replayed(listed, json({ publishedAt: iso(SHIFT_MS + shown[1]) }), values).differences.length;
    };
    expect(judged([100, 100], [100, 700])).toBe(0);
    expect(judged([100, 700], [100, 100])).toBe(0);
    expect(judged([100, 100], [100, 1_700])).toBe(1);
    expect(judged([100, 1_700], [100, 100])).toBe(1);
  });

  test('an instant that a client sends back, beside one that was the same in the recording by chance', () => {
    const values = new LiveValues(new Map([['t', iso(2)]]));
    const made = (a: number, b: number) => json({ createdAt: iso(a), publishedAt: iso(b) });
    const produces = [{ token: 't', path: 'body.createdAt' }];
    replayed({ ...made(2, 2), produces }, made(SHIFT_MS + 2, SHIFT_MS + 3), values);
    const shown = { ...made(2, 2), atUs: 60_000_000 };
    expect(replayed(shown, made(SHIFT_MS + 2, SHIFT_MS + 3), values).differences).toEqual([]);
    expect(replayed(shown, made(SHIFT_MS + 2, SHIFT_MS + 900), values).differences).toHaveLength(1);
  });

  test('an instant of several answers in one recorded second', () => {
    const values = new LiveValues(new Map());
    // Of a session of an hour, made in a whole second: both now, but not later.
    const whole = (ms: number) => iso(ms).replace(/\.\d+Z/, '.000Z');
    const login = (ms: number) => json({ expiresAt: whole(ms + 3_607_000) });
    const later = { atUs: 7_000_000 };
    expect(replayed({ ...login(0), ...later }, login(SHIFT_MS), values).differences).toEqual([]);
    const second = { ...login(0), atUs: 7_300_000 };
    expect(replayed(second, login(SHIFT_MS + 1_000), values)).toMatchObject({
      differences: [],
      leaves: { time: 1 },
    });
    const asked = { ...login(0), atUs: 14_000_000 };
    for (const of of [0, 1_000])
      expect(replayed(asked, login(SHIFT_MS + of), values).leaves).toMatchObject({ strict: 3, time: 0 });
    expect(replayed(asked, login(SHIFT_MS + 7_000), values).differences).toHaveLength(1);
  });

  test('one instant of two rows of one millisecond', () => {
    const values = new LiveValues(new Map());
    replayed(json({ addedAt: iso(2) }), json({ addedAt: iso(SHIFT_MS + 2) }), values);
    const other = { ...json({ addedAt: iso(2) }), atUs: 1_000 };
    expect(replayed(other, json({ addedAt: iso(SHIFT_MS + 90) }), values).differences).toEqual([]);
  });

  test('a time before the first request, at any distance from it, one to one', () => {
    const values = new LiveValues(new Map());
    const seeded = (ms: number) => json({ createdAt: iso(ms) });
    expect(replayed(seeded(-100), seeded(SHIFT_MS - 4_000), values)).toMatchObject({
      differences: [],
      leaves: { time: 1 },
    });
    expect(replayed(seeded(-100), seeded(SHIFT_MS - 4_000), values).leaves).toMatchObject({ time: 0 });
    expect(replayed(seeded(-100), seeded(SHIFT_MS - 900), values).differences).toHaveLength(1);
  });

  test('equal rows of a list that the request asked to be sorted', () => {
    const rows = (...ids: [id: number, text: string][]) =>
      json(ids.map(([n, text]) => ({ id: `${n}${uuid(n).slice(1)}`, likes: 1, text })));
    const target = '/replies?order=likes.desc';
    const values = new LiveValues(new Map());
    const recorded = { target, ...rows([8, 'a'], [5, 'b']) };
    expect(replayed(recorded, rows([7, 'b'], [4, 'a']), values).differences).toEqual([]);
    const unasked = { ...recorded, target: '/replies' };
    const others = new LiveValues(new Map());
    expect(replayed(unasked, rows([7, 'b'], [4, 'a']), others).differences).not.toEqual([]);
  });

  test('a set of names in another order, the same from then on', () => {
    const values = new LiveValues(new Map());
    const names = (...scopes: string[]) => json({ scopes });
    const recorded = names('roles', 'acr', 'profile', 'email', 'basic');
    const live = names('email', 'roles', 'basic', 'profile', 'acr');
    expect(replayed(recorded, live, values)).toMatchObject({
      differences: [],
      leaves: { kind: 1, strict: 6 },
    });
    expect(replayed(recorded, live, values).differences).toEqual([]);
    const other = names('profile', 'basic', 'acr', 'roles', 'email');
    const sorted = names('acr', 'basic', 'email', 'profile', 'roles');
    const reversed = names('basic', 'email', 'profile', 'acr', 'roles');
    const turned = names('basic', 'roles', 'acr', 'profile', 'email');
    expect(replayed(recorded, other, values).differences.map(({ problem }) => problem)).toEqual(['order']);
    for (const [was, is] of [
      [sorted, live],
      [recorded, sorted],
      [recorded, reversed],
      [recorded, turned],
    ] as const) {
      const { differences } = replayed(was, is, new LiveValues(new Map()));
      expect(differences.map(({ problem }) => problem)).toEqual(['order']);
    }
  });

  test('rows by time or count, of writes that came in another order', () => {
    const links = [{ in: 'response' as const, path: 'body[].id', flow: 'events' }];
    const rows = (...of: [id: number, what: string, ms: number][]) =>
      json(of.map(([id, what, ms]) => ({ id, what, at: iso(ms) })));
    const recorded = {
      ...rows([73, 'paid', 900], [72, 'sent', 700], [71, 'made', 690], [70, 'read', 500]),
      links,
    };
    const asked = { ...recorded, atUs: 600_000, durationUs: 400_000 };
    const problems = (...of: [id: number, what: string, ms: number][]) =>
      replayed(
        asked,
        rows(...of.map(([id, what, ms]): [number, string, number] => [id, what, SHIFT_MS + ms])),
        new LiveValues(new Map()),
      ).differences.map(({ problem }) => problem);
    expect(problems([73, 'paid', 910], [72, 'made', 705], [71, 'sent', 700], [70, 'read', 510])).toEqual([]);
    expect(problems([73, 'paid', 910], [71, 'made', 705], [72, 'sent', 700], [70, 'read', 510])).toEqual([]);
    expect(problems([73, 'paid', 910], [71, 'made', 700], [72, 'sent', 705], [70, 'read', 510])).toEqual([
      'order',
    ]);
    expect(problems([70, 'read', 510], [71, 'made', 700], [72, 'sent', 705], [73, 'paid', 910])).toEqual([
      'order',
    ]);
  });

  test('rows of a hash table by generated keys', () => {
    const ids = {
      was: ['5a273a98-c8ee-4f0f-a72a-824e37a52389', '20945a63-a53a-4a70-bdba-d36e0ce8d445'],
      is: ['147d3dd2-cdff-48f3-9306-51dc3b2a0e67', '40807436-a658-4cd9-bd58-a12f504f1f6c'],
    };
    ids.was.push('db5d2880-fd1d-46bf-acc7-e254beeca5df', '1ac4c1c8-88e2-472c-bd76-3335ce8b6c0b');
    ids.is.push('f08a20b0-800b-4829-8f61-5779c39d2a46', '8f1f07e8-42d5-44b6-828e-53ea71e8c0bb');
    const rows = (keys: string[], ...names: string[]) => json(keys.map((id, i) => ({ id, name: names[i] })));
    const recorded = rows(ids.was, 'user', 'offline', 'buyer', 'admin');
    const problems = (keys: string[], ...names: string[]) =>
      replayed(recorded, rows(keys, ...names), new LiveValues(new Map())).differences.map(
        ({ problem }) => problem,
      );
    expect(problems(ids.is, 'admin', 'buyer', 'offline', 'user')).toEqual([]);
    expect(problems(ids.is.toReversed(), 'buyer', 'offline', 'user', 'admin')).toEqual(['order']);
    expect(problems([...ids.is.slice(1), ids.is[0]!], 'admin', 'buyer', 'offline', 'user')).toEqual([
      'order',
    ]);
  });

  test('the newest of two tokens of one second is sent from then on', () => {
    const [was, early, late] = [0, SHIFT_MS, SHIFT_MS + 1_000].map((ms) => jwt({ iat: epochS(ms) }));
    const values = new LiveValues(new Map([['t', was!]]));
    const produces = [{ token: 't', path: 'body.token' }];
    replayed({ ...json({ token: was }), produces }, json({ token: early }), values);
    expect(values.token(was!)).toBe(early);
    replayed({ ...json({ token: was }), atUs: 400_000 }, json({ token: late }), values);
    expect(values.token(was!)).toBe(late);
  });

  test('the service’s own address', () => {
    const values = new LiveValues(new Map(), undefined, { liveHost: '127.0.0.1:4100' });
    const links = (host: string) => ({
      ...json({ self: `https://${host}/a` }),
      headers: [['Location', `http://${host}/a`]] as HeaderList,
    });
    expect(replayed(links('shop:8080'), links('127.0.0.1:4100'), values)).toMatchObject({
      differences: [],
      leaves: { kind: 0 },
    });
    expect(replayed(links('shop:8080'), links('10.0.0.9:80'), values).differences).toHaveLength(2);
  });

  test('the service’s own address inside a query', () => {
    const values = new LiveValues(new Map(), undefined, { liveHost: '127.0.0.1:4100' });
    const back = (host: string) => json({ to: `/back?iss=${encodeURIComponent(`http://${host}/r`)}` });
    expect(replayed(back('shop:8080'), back('127.0.0.1:4100'), values).differences).toEqual([]);
    expect(replayed(back('shop:8080'), back('10.0.0.9:80'), values).differences).toHaveLength(1);
  });

  test('a file named as the request names it', () => {
    const links = [
      { in: 'response' as const, path: 'body.file', flow: 'files' },
      { in: 'request' as const, path: 'path[1]', flow: 'files' },
    ];
    const values = new LiveValues(new Map());
    const stored = { method: 'POST', links, ...json({ file: 'notes_agoogk6wqp.txt' }) };
    replayed(stored, json({ file: 'notes_sr42caoed5.txt' }), values);
    const sent = (file: string) => head(['Content-Disposition', `attachment; filename=${file}`]);
    const read = { target: '/files/notes_agoogk6wqp.txt', links, ...sent('notes_agoogk6wqp.txt') };
    expect(replayed(read, sent('notes_sr42caoed5.txt'), values).differences).toEqual([]);
    expect(replayed(read, sent('notes_zq42caoed5.txt'), values).differences).toHaveLength(1);
  });

  test('seconds until an expiry, when a second ends before they are counted', () => {
    const granted = (seconds: number, ms: number) =>
      json({ expires_in: seconds, token: jwt({ exp: epochS(ms + 300_000) }) });
    const late = { ...granted(300, 0), atUs: 998_000 };
    const answered = (seconds: number) =>
      replayed(late, granted(seconds, SHIFT_MS), new LiveValues(new Map()));
    expect(answered(299)).toMatchObject({ differences: [], leaves: { time: 1 } });
    for (const seconds of [298, 301, 600]) expect(answered(seconds).differences).toHaveLength(1);
    const early = replayed(granted(300, 0), granted(299, SHIFT_MS), new LiveValues(new Map()));
    expect(early.differences).toHaveLength(1);
  });

  test('the order of what two writes made at the same time', () => {
    const created = (name: string, atUs: number) => ({
      ...{ method: 'POST', requestBody: { name }, ...json({ name }) },
      ...{ atUs, durationUs: 30_000 },
    });
    const listed = (...names: string[]) => json(names.map((name) => ({ name, on: true })));
    const recorded = { ...listed('kettle', 'willow', 'amber', 'delta'), atUs: 900_000 };
    const problems = (...live: string[]) => {
      const values = new LiveValues(new Map());
      for (const [n, name] of ['kettle', 'willow', 'amber', 'delta'].entries())
        replayed(created(name, n === 2 ? 120_000 : n * 100_000), json({ name }), values);
      return replayed(recorded, listed(...live), values).differences.map(({ problem }) => problem);
    };
    expect(problems('kettle', 'amber', 'willow', 'delta')).toEqual([]);
    expect(problems('kettle', 'willow', 'delta', 'amber')).toEqual(['order']);
    expect(problems('delta', 'amber', 'willow', 'kettle')).toEqual(['order']);
  });
});
