import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Grant } from "@boocode/contracts";
import { createGrant, deleteGrant, listGrants } from "@boocode/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { markedScript } from "./harness/marked-text.ts";
import { type System, startSystem, type User } from "./harness/start-system.ts";

/** How late the processes of a loaded machine may be. */
const SLACK_MS = 3_000;

let system: System;
let user: User;
let folder: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "boocode-grants-")));
  await mkdir(join(folder, "code"));
  await writeFile(join(folder, "code/a.txt"), "a\n");
  system = await startSystem({ env: { PROJECT_ROOTS: folder } });
  user = await system.addUser("ada");
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A turn that streams until it is stopped. */
async function longTurn(): Promise<{ sessionId: string; turnId: string }> {
  const session = await user.rest.session((await user.rest.project(join(folder, "code"))).id, { model: "words" });
  const { turn_id } = await user.rest.post(session.id, markedScript(randomUUID(), { tokens: 5_000, interval_ms: 50 }));
  await expect.poll(async () => (await turn(turn_id)).messages, { timeout: 20_000 }).toBeGreaterThan(1);
  return { sessionId: session.id, turnId: turn_id };
}

async function turn(id: string) {
  const [row] = await system.sql<{ status: string; reason: string; error: string; messages: number }[]>`
    select status, cancel_reason as reason, error_code as error,
      (select count(*) from messages where turn_id = t.id) as messages from turns t where id = ${id}`;
  if (!row) throw new Error("no such turn");
  return row;
}

/** Takes all grants back, as `npm run admin -- root revoke` does: without Redis. */
async function revoke(): Promise<void> {
  for (const { id } of (await listGrants(system.sql, user.id)) as Grant[]) {
    const lost = { userId: user.id, grantId: id, ownFolders: [], by: "operator" as const };
    expect(await deleteGrant(system.sql, lost)).not.toBeNull();
  }
}

const grant = () => createGrant(system.sql, { userId: user.id, path: folder, by: "operator" });

async function ask(sessionId: string): Promise<string> {
  const { turn_id } = await user.rest.post(sessionId, "Go on.");
  const ended = async () => /complete|failed|cancelled/.test((await turn(turn_id)).status);
  await expect.poll(ended, { timeout: 30_000 }).toBe(true);
  const { status, error } = await turn(turn_id);
  return error ?? status;
}

test("a grant that is taken back ends the running turn within two seconds, also while Redis is away; the project stays", async () => {
  const { sessionId, turnId } = await longTurn();
  await system.redis.kill("SIGKILL");
  const from = performance.now();
  await revoke();
  await expect.poll(async () => (await turn(turnId)).status, { timeout: 10_000, interval: 20 }).toBe("cancelled");
  console.log(`a turn ended ${Math.round(performance.now() - from)} ms after its grant was taken back`);
  expect(performance.now() - from).toBeLessThan(2_000 + SLACK_MS);
  expect((await turn(turnId)).reason).toBe("access_revoked");
  await system.redis.restart();
  expect(await ask(sessionId)).toBe("project_unavailable");
  await grant();
  expect(await ask(sessionId)).toBe("complete");
});

test("a project that was swapped for a symlink to another folder is not read by the next turn", async () => {
  const session = await user.rest.session((await user.rest.project(join(folder, "code"))).id, { model: "words" });
  expect(await ask(session.id)).toBe("complete");
  await rename(join(folder, "code"), join(folder, "away"));
  await symlink("/etc", join(folder, "code"));
  expect(await ask(session.id)).toBe("project_unavailable");
});
