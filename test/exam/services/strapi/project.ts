// The project of a small magazine that Strapi serves: articles with topics, as its own command line would have made it.
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const ARTICLE = {
  title: { type: 'string', required: true, minLength: 3 },
  slug: { type: 'uid', targetField: 'title' },
  text: { type: 'text' },
  rating: { type: 'integer', min: 1, max: 5 },
  price: { type: 'decimal' },
  printed: { type: 'date' },
  picture: { type: 'media', multiple: false },
  topic: { type: 'relation', relation: 'manyToOne', target: 'api::topic.topic', inversedBy: 'articles' },
};
const TOPIC = {
  name: { type: 'string', required: true, unique: true },
  articles: { type: 'relation', relation: 'oneToMany', target: 'api::article.article', mappedBy: 'topic' },
};

export interface ProjectPlan {
  dir: string;
  cache: string;
  port: number;
  database: string;
  versions: Record<string, string>;
  /** Makes a secret. */
  secret(): string;
}

/** Writes the project to `dir`. */
export async function writeProject({
  dir,
  cache,
  port,
  database,
  versions,
  secret,
}: ProjectPlan): Promise<void> {
  const files: Record<string, string> = {
    'package.json': JSON.stringify({
      name: 'magazine',
      private: true,
      dependencies: versions,
      strapi: { uuid: false },
    }),
    'config/server.js': config({ host: '127.0.0.1', port, app: { keys: [secret(), secret()] } }),
    'config/database.js': config({
      connection: { client: 'postgres', connection: { connectionString: database } },
    }),
    'config/admin.js': config({
      ...{ serveAdminPanel: false, auth: { secret: secret() }, apiToken: { salt: secret() } },
      ...{ transfer: { token: { salt: secret() } }, secrets: { encryptionKey: secret() } },
    }),
    'config/plugins.js': config({ 'users-permissions': { config: { jwtSecret: secret() } } }),
    'config/api.js': config({ rest: { defaultLimit: 25, maxLimit: 100, withCount: true } }),
    'config/middlewares.js': config(
      [
        'logger',
        'errors',
        'security',
        'cors',
        'poweredBy',
        'query',
        'body',
        'session',
        'favicon',
        'public',
      ].map((name) => `strapi::${name}`),
    ),
    'src/index.js': 'module.exports = { register() {}, bootstrap() {} };\n',
    'public/uploads/.gitkeep': '',
    ...api('article', 'articles', ARTICLE, true),
    ...api('topic', 'topics', TOPIC, false),
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  await symlink(join(cache, 'node_modules'), join(dir, 'node_modules'));
}

const config = (value: unknown) => `module.exports = ${JSON.stringify(value)};\n`;

function api(
  one: string,
  many: string,
  attributes: object,
  draftAndPublish: boolean,
): Record<string, string> {
  const base = `src/api/${one}`;
  const info = { singularName: one, pluralName: many, displayName: one };
  const schema = {
    kind: 'collectionType',
    collectionName: many,
    info,
    options: { draftAndPublish },
    attributes,
  };
  const made = (what: string) =>
    `module.exports = require('@strapi/strapi').factories.createCore${what}('api::${one}.${one}');\n`;
  return {
    [`${base}/content-types/${one}/schema.json`]: JSON.stringify(schema),
    [`${base}/controllers/${one}.js`]: made('Controller'),
    [`${base}/services/${one}.js`]: made('Service'),
    [`${base}/routes/${one}.js`]: made('Router'),
  };
}
