// Names that repeat in every row, as small ids of the tenant: services, hosts, endpoints. Reading comes first, because
// nearly every name is known; new ones are inserted in one order, so that two batches never wait for each other.
import type { Db } from './db.ts';

export interface ServiceName {
  /** `cluster/namespace/name`. */
  service: string;
  cluster: string;
  namespace: string;
  workload: string;
}

type Ids = Map<string, number>;

const FIND = {
  services: 'SELECT id, name FROM services WHERE name = ANY ($1)',
  hosts: 'SELECT id, name FROM hosts WHERE name = ANY ($1)',
  endpoints: 'SELECT id, name FROM endpoints WHERE name = ANY ($1)',
};
const ADD = {
  services: `INSERT INTO services (tenant_id, name, cluster, namespace, workload)
    SELECT $1, t.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS t ON CONFLICT DO NOTHING`,
  hosts: 'INSERT INTO hosts (tenant_id, name) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING',
  endpoints: 'INSERT INTO endpoints (tenant_id, name) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING',
};

/** Ids of hosts or endpoints by name, made where missing. */
export function nameIds(db: Db, table: 'hosts' | 'endpoints', tenant: string, names: string[]): Promise<Ids> {
  return resolve(db, table, names, (missing) => [tenant, missing]);
}

/** Ids of services by name, made where missing. */
export function serviceIds(db: Db, tenant: string, services: readonly ServiceName[]): Promise<Ids> {
  const byName = new Map(services.map((service) => [service.service, service]));
  return resolve(db, 'services', [...byName.keys()], (missing) => {
    const rows = missing.map((name) => byName.get(name)!);
    return [
      ...[tenant, missing, rows.map((row) => row.cluster)],
      ...[rows.map((row) => row.namespace), rows.map((row) => row.workload)],
    ];
  });
}

async function resolve(
  db: Db,
  table: keyof typeof FIND,
  names: readonly string[],
  values: (missing: string[]) => unknown[],
): Promise<Ids> {
  const wanted = [...new Set(names)].sort();
  const ids = await find(db, table, wanted);
  const missing = wanted.filter((name) => !ids.has(name));
  if (missing.length === 0) return ids;
  await db.query(ADD[table], values(missing));
  // A new statement sees what another batch committed meanwhile.
  for (const [name, id] of await find(db, table, missing)) ids.set(name, id);
  return ids;
}

async function find(db: Db, table: keyof typeof FIND, names: readonly string[]): Promise<Ids> {
  if (names.length === 0) return new Map();
  const found = await db.query<{ id: number; name: string }>(FIND[table], [names]);
  return new Map(found.rows.map((row) => [row.name, row.id]));
}
