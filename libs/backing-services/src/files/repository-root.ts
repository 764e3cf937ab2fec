import { fileURLToPath } from "node:url";

/** The folder of this checkout, seen from `src/files` as well as from `dist/files`. */
export const repositoryRoot: string = fileURLToPath(new URL("../../../../", import.meta.url)).replace(/[\\/]$/, "");
