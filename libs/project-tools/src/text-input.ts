import { z } from "zod";

/** A tool's string argument that may become a path or a process argument: not empty, no NUL, at most `max` characters. */
export function textInput(max: number, description: string) {
  return z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !text.includes("\0"), "must not contain a NUL character")
    .describe(description);
}

/** Linux's PATH_MAX. */
export const MAX_PATH_LENGTH = 4096;

/** Description of the parameter of tools that leave out ignored files. */
export const INCLUDE_IGNORED = "Also search files that .gitignore excludes, such as node_modules";
