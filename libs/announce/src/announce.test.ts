import type { Message } from "@boocode/contracts";
import type { Change } from "@boocode/store";
import { expect, test } from "vitest";
import { createAnnounce } from "./announce.ts";

const message = { session_id: "s", id: "m", content: "why?" } as Message;

const CHANGES: Change[] = [
  { kind: "turn_cancelling", turnId: "t0" },
  { kind: "structure", frame: { type: "message_posted", session_id: "s", version: 1, message } },
  {
    kind: "structure",
    frame: { type: "turn_queued", session_id: "s", version: 2, turn_id: "t1", ordinal: 1, ahead: 1 },
  },
  { kind: "turn_due", turnId: "t1", liveTurnsOfUser: 2 },
  { kind: "list", of: { userId: "u" }, frame: { type: "project_deleted", version: 7, project_id: "p" } },
  { kind: "list", of: { projectId: "p" }, frame: { type: "project_deleted", version: 3, project_id: "p" } },
  { kind: "name_wanted", sessionId: "s" },
];

/** Records what is announced; the calls named in `fails` reject. */
function setUp(fails: string[] = []) {
  const calls: unknown[][] = [];
  const errors: unknown[] = [];
  const record =
    (name: string) =>
    async (...args: unknown[]) => {
      calls.push([name, ...args]);
      if (fails.includes(name)) throw new Error(name);
    };
  const announce = createAnnounce({
    publisher: {
      together: (write) => void setImmediate(write),
      toSession: record("toSession"),
      toUser: record("toUser"),
      toProject: record("toProject"),
      toHolder: record("toHolder"),
    },
    queue: { wake: record("wake"), requestName: record("requestName") },
    onError: (error) => errors.push((error as Error).message),
  });
  return { announce, calls, errors };
}

const rest = () => new Promise((resolve) => setImmediate(resolve));

test("each change is announced in the way of its kind: to workers at once, then to subscribers in the order of the list", async () => {
  const { announce, calls } = setUp();
  announce(CHANGES);
  expect(calls).toHaveLength(3);
  await rest();
  expect(calls).toEqual([
    ["toHolder", "t0"],
    ["wake", "t1", 2],
    ["requestName", "s"],
    ["toSession", CHANGES[1]?.kind === "structure" && CHANGES[1].frame],
    ["toSession", CHANGES[2]?.kind === "structure" && CHANGES[2].frame],
    ["toUser", "u", CHANGES[4]?.kind === "list" && CHANGES[4].frame],
    ["toProject", "p", CHANGES[5]?.kind === "list" && CHANGES[5].frame],
  ]);
});

test("a failed announcement is reported and does not stop the others", async () => {
  const { announce, calls, errors } = setUp(["toHolder", "wake"]);
  announce(CHANGES);
  await rest();
  expect(calls).toHaveLength(CHANGES.length);
  expect(errors).toEqual(["toHolder", "wake"]);
});
