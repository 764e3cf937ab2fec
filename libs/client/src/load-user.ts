import type { Project, Session } from "@boocode/contracts";
import { BooCodeError } from "./boo-code-error.ts";
import type { Rest } from "./rest.ts";

/** Lists that are asked for at once. */
const AT_ONCE = 4;

/**
 * Loads a user's projects and their sessions.
 * @param only the sessions of these projects alone, where given
 * @throws BooCodeError
 */
export async function loadUser(
  rest: Rest,
  signal: AbortSignal,
  only?: readonly string[],
): Promise<{ projects: Project[]; sessions: Record<string, Session[]> }> {
  const projects = await rest.listProjects({ signal });
  const wanted = projects.filter((project) => !only || only.includes(project.id));
  const sessions: Record<string, Session[]> = {};
  const readers = Array.from({ length: AT_ONCE }, async () => {
    for (let project = wanted.shift(); project; project = wanted.shift()) {
      sessions[project.id] = await rest.listSessions(project.id, { signal }).catch(gone);
    }
  });
  await Promise.all(readers);
  return { projects, sessions };
}

/** A project that was deleted since it was listed has no sessions. */
function gone(error: unknown): Session[] {
  if (error instanceof BooCodeError && error.code === "not_found") return [];
  throw error;
}
