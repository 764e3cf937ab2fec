// PURE
import { LimitChange } from "@boocode/contracts";
import { z } from "zod";
import { DEFAULT_LIMITS, type LimitSettings } from "./limits-of.ts";

const Settings = z.strictObject({ ...LimitChange.shape, admin: LimitChange.optional() });

/**
 * Reads USER_LIMITS: `off`, or a JSON object of limits in place of the defaults, in which `admin` holds those of administrators.
 * @throws SyntaxError, ZodError
 */
export function readLimits(text: string): LimitSettings {
  if (text.trim() === "off") return null;
  const { admin, ...all } = Settings.parse(JSON.parse(text.trim() || "{}"));
  const user = { ...DEFAULT_LIMITS, ...all };
  return { user, admin: { ...user, ...admin } };
}

/** The variable of every service that limits users; `readLimits` reads it. */
export const limitsEnv = {
  USER_LIMITS: z
    .string()
    .default("")
    .superRefine((text, context) => {
      try {
        readLimits(text);
      } catch (error) {
        const issues = error instanceof z.ZodError ? error.issues : [];
        const why = issues.map(({ path, message }) => `: ${[...path, message].join(": ")}`).join("");
        context.addIssue(`must be off, or a JSON object of limits such as {"sessions":100}${why}`);
      }
    }),
};
