import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { linkAbort } from "./link-abort.ts";

it("aborts with its parent's reason, before and after the link", () => {
  const parent = new AbortController();
  const early = linkAbort(parent.signal);
  parent.abort("over");
  for (const { signal } of [early, linkAbort(parent.signal)])
    expect([signal.aborted, signal.reason]).toEqual([true, "over"]);
});

it("aborts alone, and the first reason counts", () => {
  const parent = new AbortController();
  const { signal, abort } = linkAbort(parent.signal);
  abort("own");
  parent.abort("over");
  expect(signal.reason).toBe("own");
});

it("leaves no listener at its parent after the release", () => {
  const parent = new AbortController();
  linkAbort(parent.signal).release();
  expect(getEventListeners(parent.signal, "abort")).toEqual([]);
});
