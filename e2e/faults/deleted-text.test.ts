import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { markedScript } from "../harness/marked-text.ts";
import { FASTIFY, type System, startSystem, type User } from "../harness/start-system.ts";
import { untilEnd } from "../harness/turn-end.ts";
import { watchSession } from "../harness/watch.ts";

let system: System;
let user: User;

beforeAll(async () => {
  system = await startSystem();
  user = await system.addUser("ada");
});
afterAll(() => system.stop());

test("a cursor from before a deletion does not return the deleted text, although the log still holds it", async () => {
  const project = await user.rest.project(FASTIFY);
  const session = await user.rest.session(project.id, { name: "named", model: "words" });
  const gateway = system.gateways[0]?.url as string;
  const first = watchSession(gateway, user.token, session.id, "?cursor=0.0.0.0");
  const turn = await user.rest.post(session.id, markedScript(randomUUID(), { tokens: 20, interval_ms: 1 }));
  await untilEnd(first);
  const middle = first.frames.find((frame) => frame.type === "delta") as { cursor: string };
  expect((await user.rest.request("DELETE", `/api/sessions/${session.id}/messages/${turn.message_id}`)).status).toBe(
    200,
  );

  for (const cursor of ["0.0.0.0", middle.cursor]) {
    const late = watchSession(gateway, user.token, session.id, `?cursor=${cursor}`);
    await late.until((frame) => frame.type === "snapshot");
    expect(late.frames.filter((frame) => frame.type === "delta")).toEqual([]);
    expect(late.frames.at(-1)).toMatchObject({ type: "snapshot", messages: [] });
    await late.close();
  }
  await first.close();
});
