/**
 * Pointers in the tables of the JDBC catalog, which PyIceberg's `SqlCatalog`, Java's `JdbcCatalog`
 * and others open as they are. The tenant is `catalog_name`; a namespace is its levels joined by
 * dots. Every value is bound, none becomes SQL.
 */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { TableIdentifier } from '../names.ts'
import type { Pointers } from './pointers.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

const CREATE_TABLES = `
  CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL,
    table_namespace VARCHAR(255) NOT NULL,
    table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000),
    previous_metadata_location VARCHAR(1000),
    iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name)
  );
  CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL,
    namespace VARCHAR(255) NOT NULL,
    property_key VARCHAR(255) NOT NULL,
    property_value VARCHAR(1000) NOT NULL,
    PRIMARY KEY (catalog_name, namespace, property_key)
  );`

/** Older writers leave the type out; views, which are not ours, never do. */
const IS_TABLE = "(iceberg_type = 'TABLE' OR iceberg_type IS NULL)"
const THIS_TABLE = `catalog_name = ? AND table_namespace = ? AND table_name = ? AND ${IS_TABLE}`

const SELECT_NAMESPACES = `
  SELECT namespace AS name FROM iceberg_namespace_properties WHERE catalog_name = ?
  UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ?
  ORDER BY name`
const INSERT_NAMESPACE = `
  INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
  VALUES (?, ?, 'exists', 'true') ON CONFLICT DO NOTHING`
const SELECT_TABLES = `
  SELECT table_name AS name FROM iceberg_tables
  WHERE catalog_name = ? AND table_namespace = ? AND ${IS_TABLE} ORDER BY name`
const SELECT_POINTER = `SELECT metadata_location AS name FROM iceberg_tables WHERE ${THIS_TABLE}`
const INSERT_POINTER = `
  INSERT INTO iceberg_tables
    (catalog_name, table_namespace, table_name, metadata_location, iceberg_type)
  VALUES (?, ?, ?, ?, 'TABLE') ON CONFLICT DO NOTHING`
const SWAP_POINTER = `
  UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
  WHERE ${THIS_TABLE} AND metadata_location = ?`
const DELETE_POINTER = `DELETE FROM iceberg_tables WHERE ${THIS_TABLE}`

/** Makes the tables where they are missing. @throws ServiceError as {@link SqliteDatabase}. */
export async function prepareTables(database: SqliteDatabase): Promise<void> {
  await database.transact((connection) => {
    connection.exec(CREATE_TABLES)
    // The first version of the JDBC catalog's tables had no such column.
    const columns = connection.prepare("PRAGMA table_info('iceberg_tables')").all()
    if (!columns.some((column) => column['name'] === 'iceberg_type')) {
      connection.exec('ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)')
    }
  })
}

export function createSqlitePointers(database: SqliteDatabase): Pointers {
  /** True when a row was changed; durable then. */
  const change = (sql: string, values: readonly string[]) =>
    database.transact((connection) => run(connection, sql, values))

  return {
    async namespaces(tenant) {
      const rows = await database.read((c) => c.prepare(SELECT_NAMESPACES).all(tenant, tenant))
      return namesOf(rows).map((name) => name.split('.'))
    },
    async addNamespace(tenant, namespace) {
      await change(INSERT_NAMESPACE, [tenant, namespace.join('.')])
    },
    async tables(tenant, namespace) {
      return namesOf(
        await database.read((c) => c.prepare(SELECT_TABLES).all(tenant, namespace.join('.'))),
      )
    },
    async read(identifier) {
      const key = keyOf(identifier)
      return namesOf(await database.read((c) => c.prepare(SELECT_POINTER).all(...key)))[0]
    },
    insert: (identifier, location) =>
      database.transact((connection) => {
        const [tenant, namespace, name] = keyOf(identifier)
        run(connection, INSERT_NAMESPACE, [tenant, namespace])
        return run(connection, INSERT_POINTER, [tenant, namespace, name, location])
      }),
    swap: (identifier, from, to) => change(SWAP_POINTER, [to, from, ...keyOf(identifier), from]),
    remove: (identifier) => change(DELETE_POINTER, keyOf(identifier)),
    close: () => database.close(),
  }
}

function run(connection: DatabaseSync, sql: string, values: readonly string[]): boolean {
  return Number(connection.prepare(sql).run(...values).changes) > 0
}

function keyOf({ tenant, namespace, name }: TableIdentifier): [string, string, string] {
  return [tenant, namespace.join('.'), name]
}

function namesOf(rows: readonly Record<string, SQLOutputValue>[]): string[] {
  return rows.map((row) => row['name']).filter((name) => typeof name === 'string')
}
