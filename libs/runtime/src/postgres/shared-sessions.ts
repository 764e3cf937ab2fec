import postgres from "postgres";
import { withDeadline } from "../with-deadline.ts";
import { clientOptions } from "./client-options.ts";
import type { PostgresTarget } from "./postgres-target.ts";
import { PROCESS } from "./prepare-session.ts";
import type { NewSession } from "./speak-first.ts";

/** How long the second connection may wait for a pooler that is full. */
const SECOND_MS = 1_000;
const ROUNDS = 8;

/**
 * Rejects when a pooler shares the server's sessions among clients: in transaction mode, two connected clients reach the same
 * server process, or one client reaches several. Neither happens in session mode. Does not change the sessions.
 */
export async function refuseSharedSessions(session: NewSession, target: PostgresTarget): Promise<void> {
  const second = postgres({
    ...clientOptions(target, { name: "pooler check", connections: 1, statementMs: SECOND_MS }),
    fetch_types: false,
  });
  const seen = new Set<string>();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const [[mine] = []] = await session.ask(PROCESS);
      seen.add(mine as string);
      const [other] = await withDeadline(SECOND_MS, "a second connection", second.unsafe(PROCESS).values()).catch(
        () => [],
      );
      if (seen.size > 1 || (other && seen.has(other[0] as string))) throw new SharedSessions();
      if (!other) break;
    }
  } finally {
    await second.end({ timeout: 0 });
  }
}

class SharedSessions extends Error {
  override name = "SharedSessions";
  override message =
    "DATABASE_URL leads to a connection pooler in transaction or statement mode, and BooCode needs sessions of its own: " +
    "set pool_mode = session, or use the provider's direct address or that of its session pooler";
}
