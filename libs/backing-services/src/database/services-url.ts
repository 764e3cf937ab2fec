import { randomBytes } from "node:crypto";

/** @returns the URL of the same database for a role of the services, with a new password, which `migrate` gives the role */
export function servicesUrl(ownerUrl: string, role = "boocode_services"): string {
  const url = new URL(ownerUrl);
  url.username = role;
  url.password = randomBytes(24).toString("hex");
  return url.href;
}
