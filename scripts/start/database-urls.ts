import { servicesUrl } from "@boocode/backing-services";

/**
 * @param found the URL of the database that was found or started
 * @returns the URL for the migration, and that of the services. In a database of ours their role gets a new password at each start,
 *   so that none is stored. In one that the user named, the user decides.
 */
export function databaseUrls(found: string): { owner: string; services: string } {
  const { DATABASE_URL, MIGRATION_DATABASE_URL } = process.env;
  if (DATABASE_URL) return { owner: MIGRATION_DATABASE_URL || found, services: found };
  return { owner: found, services: servicesUrl(found) };
}
