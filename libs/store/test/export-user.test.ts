import { randomUUID } from "node:crypto";
import type { UsageEntry } from "@boocode/contracts";
import {
  commitStep,
  createGrant,
  createToken,
  deleteMessagesFrom,
  deleteProject,
  deleteSession,
  endTurn,
  exportUser,
  recordAuditEvents,
  removeMember,
  setMember,
} from "@boocode/store";
import { expect, test } from "vitest";
import { newPlace, newSession, newUser, type Place, reply, running, used, useStore } from "./fixture.ts";
import { toolMessage } from "./older-attempts.ts";

const fixture = useStore();

interface Line {
  type: string;
  data: Record<string, unknown>;
}

async function exported(userId: string): Promise<{ lines: Line[]; chunks: number[] }> {
  const chunks: string[] = [];
  for await (const chunk of exportUser(fixture.pool, userId)) chunks.push(chunk);
  const lines = chunks.join("").trimEnd().split("\n");
  return { lines: lines.map((line) => JSON.parse(line)), chunks: chunks.map((chunk) => chunk.length) };
}

const count = (lines: Line[], type: string) => lines.filter((line) => line.type === type).length;

async function answered(place: Place, content: string, usage: { usage?: UsageEntry[] } = {}) {
  const { turn, messageId, questionId } = await running(fixture.pool, place);
  await commitStep(fixture.pool, turn, {
    reply: reply(messageId, content),
    step: 0,
    tools: [toolMessage(2)],
    lastSeq: 5,
  });
  await endTurn(fixture.pool, turn, { end: { status: "complete" }, reply: null, lastSeq: 6, ...usage });
  return { turn, messageId, questionId };
}

test("an export has every row of the user and none of another user, no secret, and an end", async () => {
  const { pool } = fixture;
  const [mine, theirs] = [await newPlace(pool), await newPlace(pool)];
  for (const place of [mine, theirs]) {
    await createToken(pool, { id: randomUUID(), userId: place.ownerId, tokenHash: Buffer.from(place.ownerId) });
    await answered(place, `text of ${place.ownerId}`, { usage: [used("answer", 1)] });
    await answered({ ...place, sessionId: await newSession(pool, place.ownerId, place.projectId) }, "second");
  }
  const { lines } = await exported(mine.ownerId);
  const types = Object.fromEntries(
    [...new Set(lines.map(({ type }) => type))].map((type) => [type, count(lines, type)]),
  );
  expect(types).toEqual({ user: 1, token: 1, project: 1, usage: 1, session: 2, turn: 2, message: 6, end: 1 });
  expect(lines.at(-1)).toEqual({ type: "end", data: { lines: lines.length - 1 } });
  const text = JSON.stringify(lines);
  expect(text).toContain(`text of ${mine.ownerId}`);
  for (const id of [theirs.ownerId, theirs.projectId, theirs.sessionId]) expect(text).not.toContain(id);
  for (const secret of ["token_hash", "nonce", "lease_until", "export_key"]) expect(text).not.toContain(secret);
  expect((await exported(await newUser(pool))).lines.map(({ type }) => type)).toEqual(["user", "end"]);
  expect((await exported(randomUUID())).lines).toEqual([{ type: "end", data: { lines: 0 } }]);
});

test("an export tells nothing of other users: not their rows, who granted, who acted, or from where", async () => {
  const { pool } = fixture;
  const [mine, theirs, shared] = [await newPlace(pool), await newPlace(pool), await newPlace(pool)];
  const address = "192.0.2.7";
  const hash = randomUUID().replaceAll("-", "");
  for (const { ownerId } of [mine, theirs]) {
    await pool`insert into user_identities (issuer, subject, user_id) values (${`https://${ownerId}`}, 'subject', ${ownerId})`;
    await pool`
      insert into idempotency_keys (user_id, key, request_hash, answer)
      values (${ownerId}, ${`key of ${ownerId}`}, ${Buffer.from(hash)}, '{}')`;
    const admin = { userId: shared.ownerId, tokenId: null };
    await createGrant(pool, { userId: ownerId, path: `/granted/${ownerId}`, by: admin });
    await setMember(pool, admin, shared.projectId, { name: ownerId, role: "member" });
    await recordAuditEvents(pool, [{ event: "user.exported", actor: admin, userId: ownerId, address }]);
  }
  const { lines } = await exported(mine.ownerId);
  const types = ["identity", "idempotency_key", "grant", "membership", "audit_event"];
  expect(types.map((type) => count(lines, type))).toEqual([1, 1, 1, 1, 3]);
  const text = JSON.stringify(lines);
  expect(text).toContain(`key of ${mine.ownerId}`);
  const hidden = [theirs.ownerId, shared.ownerId, address, Buffer.from(hash).toString("hex")];
  expect(hidden.filter((other) => text.includes(other))).toEqual([]);
});

test("an export of a member has the member's own rows in a shared project, and nothing once it is not shared any more", async () => {
  const { pool } = fixture;
  const theirs = await newPlace(pool);
  const me = await newUser(pool);
  const owner = { userId: theirs.ownerId, tokenId: null };
  await setMember(pool, owner, theirs.projectId, { name: me, role: "member" });
  await answered(theirs, "text of the owner");
  await answered({ ...theirs, ownerId: me }, "text of the member");
  const own = { ...theirs, ownerId: me, sessionId: await newSession(pool, me, theirs.projectId) };
  await answered(own, "text of the member");
  const { lines } = await exported(me);
  const types = ["membership", "session", "turn", "message", "project"];
  expect(types.map((type) => count(lines, type))).toEqual([1, 1, 2, 6, 0]);
  const text = JSON.stringify(lines);
  expect([text.includes("text of the member"), text.includes("text of the owner")]).toEqual([true, false]);
  await removeMember(pool, owner, theirs.projectId, me);
  const after = (await exported(me)).lines.map(({ type }) => type);
  expect([...new Set(after)]).toEqual(["user", "audit_event", "end"]);
});

test("an export leaves out what the user deleted", async () => {
  const { pool } = fixture;
  const kept = await newPlace(pool);
  const project = await newPlace(pool, kept.ownerId);
  const session = { ...kept, sessionId: await newSession(pool, kept.ownerId, kept.projectId) };
  const { messageId } = await answered(kept, "deleted message");
  await answered(project, "in a deleted project");
  await answered(session, "in a deleted session");
  await deleteMessagesFrom(pool, kept.ownerId, kept.sessionId, messageId);
  await deleteSession(pool, kept.ownerId, session.sessionId);
  await deleteProject(pool, kept.ownerId, project.projectId);
  const { lines } = await exported(kept.ownerId);
  // The audit log keeps that a project was deleted, by its id.
  const types = ["user", "project", "audit_event", "session", "turn", "message", "end"];
  expect(lines.map(({ type }) => type)).toEqual(types);
  expect(JSON.stringify(lines)).not.toMatch(/deleted message|in a deleted/);
});

test("a large export is complete, in order, and read in pages of a bounded size", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  // Many turns share a time, and some texts are long, so that pages end by rows, by bytes and within a group.
  await pool`
    with t as (
      insert into turns (id, session_id, owner_id, ordinal, status, attempt, created_at)
      select gen_random_uuid(), ${place.sessionId}, ${place.ownerId}, n, 'complete', 1,
        now() + make_interval(secs => n / 7)
      from generate_series(1, 1000) n returning id, ordinal)
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content)
    select gen_random_uuid(), ${place.sessionId}, ${place.ownerId}, t.id, t.ordinal, n, 'tool',
      repeat('ab ', case when t.ordinal % 50 = 0 then 100000 else 500 end)
    from t, generate_series(0, 1) n`;
  const { lines, chunks } = await exported(place.ownerId);
  expect(count(lines, "turn")).toBe(1_000);
  expect(new Set(lines.filter(({ type }) => type === "message").map(({ data }) => data.id)).size).toBe(2_000);
  const times = lines.filter(({ type }) => type === "turn").map(({ data }) => String(data.created_at));
  expect(times).toEqual([...times].sort());
  expect(chunks.length).toBeGreaterThan(15);
  // A page has at most PAGE_BYTES and one group of seven turns.
  expect(Math.max(...chunks)).toBeLessThan(2_000_000);
});
