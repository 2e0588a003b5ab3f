// PostGraphile: GraphQL over a PostgreSQL schema; node ids in base64, cursors, serial ids, errors inside a 200.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Client, expectStatus, hex, number, person, sentence, words } from '../../browser-like.ts';
import { folderOf } from '../../launch.ts';
import type { ExamService } from '../../service.ts';

export const service: ExamService = {
  name: 'postgraphile',
  kind: 'GraphQL (Node, PostgreSQL)',
  install: (cache, tools) => tools.npm(cache, ['postgraphile@5.1.5']),

  async start({ port, dir, cache, tools }) {
    const database = await tools.postgres(join(dir, 'postgres'));
    await load(database.url, cache);
    const program = await tools.program({
      command: process.execPath,
      args: [
        join(cache, 'node_modules', 'postgraphile', 'dist', 'cli-run.js'),
        ...['-P', 'postgraphile/presets/amber', '-c', database.url, '-s', 'forum'],
        ...['-n', '127.0.0.1', '-p', String(port)],
      ],
      cwd: cache,
      env: { NODE_ENV: 'production', GRAPHILE_ENV: 'production' },
      readyUrl: `http://127.0.0.1:${port}/graphql?query=%7B__typename%7D`,
    });
    return {
      async stop() {
        await program.stop();
        await database.stop();
      },
    };
  },

  async drive(baseUrl, note) {
    note('two members at once');
    await Promise.all([member(baseUrl), member(baseUrl)]);
    note('a third, and a visitor');
    await member(baseUrl);
    await visitor(baseUrl);
  },
};

async function load(url: string, cache: string): Promise<void> {
  const pg = createRequire(join(cache, 'package.json'))('pg') as typeof import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(await readFile(join(folderOf(import.meta.url), 'schema.sql'), 'utf8'));
  await client.end();
}

/** The data of an answer. Throws with its errors, unless `fails`. */
// biome-ignore lint/suspicious/noExplicitAny: the answers of services have no types here.
async function ask(client: Client, query: string, variables: object = {}, fails = false): Promise<any> {
  const operationName = /^\w+ (\w+)/.exec(query)?.[1];
  const { json } = expectStatus(await client.post('/graphql', { query, variables, operationName }), 200, 400);
  if ((json.errors !== undefined) !== fails) throw new Error(`${query}: ${JSON.stringify(json)}`);
  return json.data;
}

const TOPIC = 'id rowId title body ticket tags createdAt updatedAt personByAuthorId { handle fullName }';

async function member(baseUrl: string): Promise<void> {
  const client = new Client(baseUrl);
  const { username, first, last } = person();
  const made = 'clientMutationId person { id rowId handle fullName createdAt }';
  const create = `mutation Join($input: CreatePersonInput!) { createPerson(input: $input) { ${made} } }`;
  const input = { clientMutationId: hex(8), person: { handle: username, fullName: `${first} ${last}` } };
  const { person: me } = (await ask(client, create, { input })).createPerson;
  await ask(client, create, { input }, true);
  const topics = [];
  for (let i = 0; i < 6; i++) {
    const topic = { authorId: me.rowId, title: words(3), body: sentence(), tags: words(2).split(' ') };
    const query = `mutation Post($topic: TopicInput!) { createTopic(input: { topic: $topic }) { topic { ${TOPIC} } } }`;
    topics.push((await ask(client, query, { topic })).createTopic.topic);
  }
  for (const topic of topics.slice(0, 4)) await discuss(client, me.rowId, topic);
  const drop =
    'mutation Drop($id: ID!) { deleteTopic(input: { id: $id }) { deletedTopicId topic { title } } }';
  await ask(client, drop, { id: topics[5].id });
  await ask(client, drop, { id: topics[5].id }, true);
  const rename = `mutation Rename($id: ID!, $patch: TopicPatch!) { updateTopic(input: { id: $id, topicPatch: $patch }) { topic { ${TOPIC} } } }`;
  await ask(client, rename, { id: topics[4].id, patch: { title: words(4), updatedAt: new Date() } });
  await ask(client, rename, { id: topics[4].id, patch: { title: 'x' } }, true);
  await ask(client, 'query Wrong { allTopics { nothing } }', {}, true);
}

async function discuss(
  client: Client,
  authorId: number,
  topic: { id: string; rowId: number },
): Promise<void> {
  const reply =
    'mutation Reply($reply: ReplyInput!) { createReply(input: { reply: $reply }) { reply { rowId likes createdAt } } }';
  const like =
    'mutation Like($id: UUID!) { likeReply(input: { replyId: $id }) { reply: result { rowId likes body } } }';
  for (let i = 0; i < 2; i++) {
    const sent = { topicId: topic.rowId, authorId, body: sentence() };
    const { rowId } = (await ask(client, reply, { reply: sent })).createReply.reply;
    if (number(0, 1) === 1) await ask(client, like, { id: rowId });
  }
  const one = `query Topic($id: ID!) { topic(id: $id) { ${TOPIC} repliesByTopicId(orderBy: LIKES_DESC) { totalCount nodes { rowId body likes } } } }`;
  await ask(client, one, { id: topic.id });
}

async function visitor(baseUrl: string): Promise<void> {
  const client = new Client(baseUrl);
  const list = `query Topics($after: Cursor) { allTopics(first: 4, after: $after, orderBy: CREATED_AT_DESC) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node { ${TOPIC} } } } }`;
  let after: string | null = null;
  for (let page = 0; page < 4; page++) {
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    const { allTopics }: any = await ask(client, list, { after });
    const [edge] = allTopics.edges;
    if (edge) {
      const query = `query Topic($rowId: Int!) { topicByRowId(rowId: $rowId) { ${TOPIC} } }`;
      await ask(client, query, { rowId: edge.node.rowId });
    }
    if (!allTopics.pageInfo.hasNextPage) break;
    after = allTopics.pageInfo.endCursor;
  }
  const search = `query Search($term: String!) { searchTopics(term: $term, first: 3) { nodes { ${TOPIC} } } }`;
  for (const term of ['ar', 'ember', 'river', hex(6)]) await ask(client, search, { term });
  await ask(
    client,
    'query People { allPeople(orderBy: HANDLE_ASC) { nodes { handle topicsByAuthorId { totalCount } } } }',
  );
  const query = encodeURIComponent('{ __schema { queryType { name } mutationType { name } } }');
  expectStatus(await client.get(`/graphql?query=${query}`), 200, 405);
}
