// The OpenAPI 3.1 document, printed from the route table: what is registered is what is documented.
import { Problem, ROUTES, type RouteSpec } from '@echoplane/api';
import { z } from 'zod';

type Json = Record<string, unknown>;

/** The document as a JSON value. */
export function openApiDocument(): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  const problem = component('Problem', Problem, 'output', schemas);
  for (const [name, spec] of Object.entries(ROUTES) as [string, RouteSpec][]) {
    const path = spec.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [spec.method.toLowerCase()]: operation(name, spec, schemas, problem) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Echoplane control plane', version: '1', license: { name: 'Apache-2.0' } },
    paths,
    components: {
      schemas,
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'echoplane_session' },
      },
    },
  };
}

function operation(name: string, spec: RouteSpec, schemas: Json, problem: Json): Json {
  const content = (schema: Json) => ({ 'application/json': { schema } });
  const success = spec.response
    ? content(component(`${name}Response`, spec.response, 'output', schemas))
    : { 'application/octet-stream': {} };
  return {
    operationId: name,
    summary: spec.summary,
    'x-access': spec.access,
    security: spec.access === 'public' ? [] : [{ apiKey: [] }, { session: [] }],
    parameters: [...parameters(spec.params, 'path'), ...parameters(spec.query, 'query')],
    ...(spec.body
      ? {
          requestBody: {
            required: true,
            content: content(component(`${name}Body`, spec.body, 'input', schemas)),
          },
        }
      : {}),
    responses: {
      [spec.status]: { description: 'Done', ...(spec.status === 204 ? {} : { content: success }) },
      default: { description: 'Refused', content: { 'application/problem+json': { schema: problem } } },
    },
  };
}

function parameters(schema: z.ZodObject | undefined, where: 'path' | 'query'): Json[] {
  return Object.entries(schema?.shape ?? {}).map(([name, type]) => ({
    ...{ name, in: where, required: where === 'path' },
    schema: plainSchema(type as z.ZodType, 'input'),
  }));
}

/** Puts a schema under components, with the recursive parts it defines beside it, and returns the reference to it. */
function component(name: string, type: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  const text = JSON.stringify(plainSchema(type, io)).replaceAll(
    '"#/$defs/',
    `"#/components/schemas/${name}.`,
  );
  const { $defs, ...schema } = JSON.parse(text) as Json & { $defs?: Json };
  schemas[name] = schema;
  for (const [part, definition] of Object.entries($defs ?? {})) schemas[`${name}.${part}`] = definition;
  return { $ref: `#/components/schemas/${name}` };
}

function plainSchema(type: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(type, { io, unrepresentable: 'any' });
  return schema;
}
