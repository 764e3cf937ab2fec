import { fileURLToPath } from "node:url";

/** The folder of this checkout; correct from `src/files` and from `dist/files`. */
export const repositoryRoot: string = fileURLToPath(new URL("../../../../", import.meta.url)).replace(/[\\/]$/, "");
