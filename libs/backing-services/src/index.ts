export { createDatabase, type FreshDatabase } from "./database/create-database.ts";
export { migrate } from "./database/migrate.ts";
export { servicesUrl } from "./database/services-url.ts";
export { FolderInUseError } from "./files/lock-folder.ts";
export { repositoryRoot } from "./files/repository-root.ts";
export { type PostgresOptions, type PostgresSource, startPostgres } from "./postgres/start-postgres.ts";
export { type RedisOptions, type RedisSource, startRedis } from "./redis/start-redis.ts";
export type { Durability, Log, Server } from "./server.ts";
export { type BackingServices, startBackingServices } from "./start-backing-services.ts";
