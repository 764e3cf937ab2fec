import { expect, test } from "vitest";
import { createKeys } from "./keys.ts";

const epoch = { ordinal: 3, attempt: 1, nonce: "k2" };
const names = (prefix: string) => {
  const keys = createKeys(prefix);
  return [
    keys.log("s", epoch),
    keys.session("s"),
    keys.user("u"),
    keys.cancel,
    keys.ticket("h"),
    keys.modelSlots("a"),
    keys.queues,
  ];
};

test("every name begins with the prefix and is unique, and two prefixes share no name", () => {
  const [ours, theirs] = [names("boocode"), names("other")];
  for (const name of ours) expect(name.startsWith("boocode:")).toBe(true);
  expect(new Set([...ours, ...theirs]).size).toBe(ours.length + theirs.length);
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
