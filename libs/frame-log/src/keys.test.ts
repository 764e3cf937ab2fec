import { expect, test } from "vitest";
import { createKeys } from "./keys.ts";

const epoch = { ordinal: 3, attempt: 1, nonce: "k2" };
const names = (prefix: string) => {
  const keys = createKeys(prefix);
  return [
    keys.log("s", epoch),
    keys.session("s"),
    keys.user("u"),
    keys.project("p"),
    keys.cancel,
    keys.ticket("h"),
    keys.modelSlots("a"),
    keys.queues,
    keys.oldQueues,
    keys.placeOf("s"),
  ];
};

test("every name begins with the prefix and is unique, and two prefixes share no name", () => {
  const [ours, theirs] = [names("boocode"), names("other")];
  for (const name of ours) expect(name.startsWith("boocode:")).toBe(true);
  expect(new Set([...ours, ...theirs]).size).toBe(ours.length + theirs.length);
});

test("frame logs, channels, tickets and slots have the names that every earlier version used", () => {
  const keys = createKeys("boocode");
  expect(keys.log("s", epoch)).toBe("boocode:log:{s}:3.1.k2");
  expect(keys.session("s")).toBe("boocode:session:s");
  expect(keys.user("u")).toBe("boocode:user:u");
  expect(keys.cancel).toBe("boocode:cancel");
  expect(keys.ticket("h")).toBe("boocode:ticket:h");
  expect(keys.modelSlots("a")).toBe("boocode:model-slots:{a}");
  expect(keys.oldQueues).toBe("boocode:queue");
});

test("the logs of a session, and what is published beside them, are in one cluster slot; so are all queues", () => {
  const keys = createKeys("boocode");
  const slotOf = (name: string) => /\{(.+?)\}/.exec(name)?.[1];
  expect([keys.log("s", epoch), keys.placeOf("s")].map(slotOf)).toEqual(["s", "s"]);
  expect([`${keys.queues}:turns:meta`, `${keys.queues}:session-names:1`].map(slotOf)).toEqual(["jobs", "jobs"]);
});

test("logs of different sessions, turns, attempts and nonces have different names", () => {
  const { log } = createKeys("b");
  const logs = [
    log("s", epoch),
    log("t", epoch),
    log("s", { ...epoch, ordinal: 31 }),
    log("s", { ...epoch, ordinal: 31, attempt: 11 }),
    log("s", { ...epoch, attempt: 2 }),
    log("s", { ...epoch, nonce: "k3" }),
  ];
  expect(new Set(logs).size).toBe(logs.length);
});
