import { scrub } from "./secrets.ts";

/** Facts of an error that hold no user's text and no secret. Others, such as a query's parameters, are left out. */
const FACTS = ["code", "severity", "routine", "constraint_name", "status", "errno", "syscall"] as const;
const MAX_DEPTH = 5;

/** Redis repeats the arguments of a command that it does not know, and those are users' texts. */
const withoutArguments = (message: string) => message.replace(/,? with args beginning with: .*/s, "");

/**
 * What the log says of an error: its name, message, stack, causes, and a few facts. The clients' error objects also hold the
 * command's arguments or the query's parameters, which are users' texts.
 */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === "string" ? scrub(error) : error;
  const message = scrub(withoutArguments(error.message));
  const facts = FACTS.flatMap((name) => {
    const value = (error as unknown as Record<string, unknown>)[name];
    return typeof value === "string" || typeof value === "number" ? [[name, value]] : [];
  });
  const several = error instanceof AggregateError && depth < MAX_DEPTH;
  return {
    type: error.name,
    message,
    stack: error.stack && scrub(withoutArguments(error.stack.replace(error.message, message))),
    ...Object.fromEntries(facts),
    ...(error.cause !== undefined && depth < MAX_DEPTH && { cause: describeError(error.cause, depth + 1) }),
    ...(several && { errors: error.errors.slice(0, 10).map((each: unknown) => describeError(each, depth + 1)) }),
  };
}
