import { openEnvelope } from "@boocode/frame-log";
import { expect, test } from "vitest";
import { toListFrame } from "./list-frame.ts";

const open = (bytes: string) => {
  const envelope = openEnvelope(bytes);
  return envelope && toListFrame(envelope);
};

test("a frame of any type gets the version of the user's lists in place of its own", () => {
  const frame = open('v3\n{"type":"sparkle","version":3,"session":{"version":9}}');
  expect(frame).toMatchObject({ type: "sparkle", version: 3 });
  expect(JSON.parse(frame?.withVersion(12) ?? "")).toEqual({ type: "sparkle", version: 12, session: { version: 9 } });
  expect(JSON.parse(open('v3\n{"type":"bare","version":3}')?.withVersion(4) ?? "")).toEqual({
    type: "bare",
    version: 4,
  });
});

test("what is not JSON is no frame", () => {
  expect(open("v3\nnonsense")).toBeNull();
});
