import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Builds the services once for all tests, so that these run the real bundles. `npm run check` checks the types. */
export default function setup(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL("../../scripts/build.mjs", import.meta.url))], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}
