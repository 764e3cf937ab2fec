import { randomUUID } from "node:crypto";
import {
  changeSession,
  createProject,
  createSession,
  deleteSession,
  findSession,
  readListVersions,
  renameProject,
} from "@boocode/store";
import { expect, test } from "vitest";
import { claim, dump, newPlace, newUser, post, projectsOf, sessionsOf, turnRow, useStore } from "./fixture.ts";

const fixture = useStore();

test("projects are listed in the order of their creation, and each change raises the version of the user's lists by one", async () => {
  const ownerId = await newUser(fixture.pool);
  const ids = [randomUUID(), randomUUID()];
  for (const [i, id] of ids.entries()) {
    const created = await createProject(fixture.pool, { id, ownerId, name: `p${i}`, path: "/tmp" });
    expect(created).toMatchObject({
      changes: [
        { kind: "list", of: { userId: ownerId }, frame: { type: "project_created", version: i + 1, project: { id } } },
      ],
      project: { id, name: `p${i}`, path: "/tmp", last_session_id: null },
    });
  }
  const renamed = await renameProject(fixture.pool, ownerId, ids[0]!, "new");
  expect(renamed).toMatchObject({
    changes: [
      {
        kind: "list",
        of: { projectId: ids[0] },
        frame: { type: "project_updated", version: 1, project: { name: "new" } },
      },
    ],
    project: { name: "new" },
  });
  expect((await projectsOf(fixture.pool, ownerId)).map((project) => project.name)).toEqual(["new", "p1"]);
  expect(await readListVersions(fixture.pool, [ownerId, randomUUID()])).toEqual(
    new Map([[ownerId, { total: 3, user: expect.any(Number) }]]),
  );
});

test("a session is created with the given fields and defaults for the others", async () => {
  const place = await newPlace(fixture.pool);
  const id = randomUUID();
  const created = await createSession(fixture.pool, { ...place, id, name: "n", model: "m", system_prompt: "s" });
  expect(created?.session).toMatchObject({
    id,
    name: "n",
    model: "m",
    system_prompt: "s",
    auto_named: false,
    version: 0,
  });
  expect(await findSession(fixture.pool, place.ownerId, place.sessionId)).toMatchObject({
    ...{ name: null, model: null, system_prompt: null, busy: false },
  });
  expect((await sessionsOf(fixture.pool, place.ownerId, place.projectId)).map((session) => session.id)).toEqual([
    id,
    place.sessionId,
  ]);
  expect(created?.changes).toMatchObject([{ frame: { session: { id, name: "n" } } }]);
  expect(JSON.stringify(created?.changes)).not.toContain("system_prompt");
});

test("a change sets the given fields, null clears one, and only a new name raises the session's version", async () => {
  const place = await newPlace(fixture.pool);
  const change = (what: Parameters<typeof changeSession>[3]) =>
    changeSession(fixture.pool, place.ownerId, place.sessionId, what);
  const changed = await change({ model: "m", system_prompt: "s" });
  expect(changed).toMatchObject({ session: { version: 0 }, changes: [{ frame: { type: "session_updated" } }] });
  const renamed = await change({ name: "n" });
  expect(renamed).toMatchObject({ session: { name: "n", version: 1, model: "m", system_prompt: "s" } });
  expect(renamed?.changes).toMatchObject([
    { frame: { type: "session_renamed", version: 1, name: "n", auto_named: false } },
    { frame: { type: "session_updated", session: { name: "n", version: 1 } } },
  ]);
  for (const { changes } of [changed, renamed].flatMap((one) => one ?? []))
    expect(JSON.stringify(changes)).not.toContain("system_prompt");
  expect(await change({ model: null })).toMatchObject({ session: { name: "n", model: null, system_prompt: "s" } });
});

test("a deleted session cannot be read or changed, and its turns are cancelled", async () => {
  const place = await newPlace(fixture.pool);
  const [live, waiting] = [await post(fixture.pool, place), await post(fixture.pool, place)];
  await claim(fixture.pool, live.turnId);
  const outcome = await deleteSession(fixture.pool, place.ownerId, place.sessionId);
  expect(outcome?.changes).toMatchObject([
    { kind: "turn_cancelling", turnId: live.turnId },
    { frame: { type: "session_deleted", session_id: place.sessionId, project_id: place.projectId } },
  ]);
  expect(await turnRow(fixture.pool, waiting.turnId)).toMatchObject({ status: "cancelled" });
  expect(await findSession(fixture.pool, place.ownerId, place.sessionId)).toBeNull();
  expect(await sessionsOf(fixture.pool, place.ownerId, place.projectId)).toEqual([]);
  const before = await dump(fixture.pool);
  expect(await deleteSession(fixture.pool, place.ownerId, place.sessionId)).toBeNull();
  expect(await changeSession(fixture.pool, place.ownerId, place.sessionId, { name: "x" })).toBeNull();
  expect(await dump(fixture.pool)).toEqual(before);
});
