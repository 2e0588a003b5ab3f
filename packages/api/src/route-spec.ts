// What a row of the route table says.
import { z } from 'zod';

/** `public`: no credential; `agent`: data-plane keys and admins; the others are ranks: viewer < editor < admin. */
export type Access = 'public' | 'viewer' | 'editor' | 'admin' | 'agent';

export interface RouteSpec {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  access: Access;
  /** Data-plane keys may use it too: an operator runs replays with the key of its forwarder. */
  agents?: true;
  summary: string;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Status of success. */
  status: 200 | 201 | 202 | 204;
  /** Absent for 204 and for streamed bytes. */
  response?: z.ZodType;
  /** The body is bytes, handed to the handler as a stream. */
  streamed?: true;
}

/** Path parameters of one thing. */
export const id = z.object({ id: z.uuid() });
export const list = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });
/** A body that says nothing. */
export const empty = z.object({});

/** A row of the table, with its own type. */
export function route<const R extends RouteSpec>(spec: R): R {
  return spec;
}
