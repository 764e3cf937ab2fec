import type { PublishedUserFrame } from "@boocode/contracts";
import { expect, test } from "vitest";
import { applyUserFrame, emptyUserView, type UserView } from "./apply-user-frame.ts";

const project = (id: string, name = id) => ({ id, name, path: "/", added_at: "", last_session_id: null });
const session = (id: string, updated: number, projectId = "p") => ({
  ...{ id, project_id: projectId, name: id, auto_named: false, model: null, system_prompt: null, version: 0 },
  ...{ busy: false, created_at: "", updated_at: `2026-01-0${updated}` },
});
const loaded: UserView = { ...emptyUserView, version: 5, projects: [project("p")], sessions: { p: [session("a", 2)] } };
const apply = (view: UserView, ...frames: object[]) =>
  frames.reduce<UserView>((before, frame) => applyUserFrame(before, frame as PublishedUserFrame).view, view);

test("hints change the lists, in the order of REST", () => {
  const view = apply(
    loaded,
    { type: "project_created", version: 6, project: project("q") },
    { type: "session_created", version: 7, session: session("b", 3) },
    { type: "session_created", version: 8, session: session("c", 1, "q") },
    { type: "session_updated", version: 9, session: session("a", 4) },
    { type: "project_updated", version: 10, project: project("p", "renamed") },
  );
  expect(view.projects.map(({ name }) => name)).toEqual(["renamed", "q"]);
  expect(view.sessions).toEqual({ p: [session("a", 4), session("b", 3)], q: [session("c", 1, "q")] });
  const less = apply(
    view,
    { type: "session_deleted", version: 11, session_id: "a", project_id: "p" },
    { type: "project_deleted", version: 12, project_id: "q" },
    { type: "session_updated", version: 13, session: session("c", 5, "q") },
  );
  expect(less).toMatchObject({ version: 13, sessions: { p: [session("b", 3)] } });
  expect(less.projects.map(({ id }) => id)).toEqual(["p"]);
  expect(Object.keys(less.sessions)).toEqual(["p"]);
});

test("an older hint is dropped, and a gap or an unknown type causes a reload", () => {
  const hint = (version: number, type = "project_deleted") =>
    applyUserFrame(loaded, { type, version, project_id: "p" } as PublishedUserFrame);
  expect(hint(5)).toEqual({ view: loaded, verdict: "old" });
  expect(hint(7)).toEqual({ view: loaded, verdict: "reload" });
  expect(hint(6, "sparkle")).toEqual({ view: loaded, verdict: "reload" });
});

test("a frame of an unknown type without a version is ignored, also before the lists are loaded", () => {
  for (const view of [loaded, emptyUserView]) {
    expect(applyUserFrame(view, { type: "sparkle" } as never)).toEqual({ view, verdict: "applied" });
  }
});

test("the gateway's frames reload the lists unless they already have the stated version", () => {
  expect(applyUserFrame(loaded, { type: "subscribed", version: 5 })).toEqual({ view: loaded, verdict: "applied" });
  expect(applyUserFrame(loaded, { type: "subscribed", version: 6 })).toEqual({ view: loaded, verdict: "reload" });
  expect(applyUserFrame(loaded, { type: "snapshot", version: 5 })).toEqual({ view: loaded, verdict: "reload" });
  expect(applyUserFrame(loaded, { type: "going_away", retry_after_ms: 9 })).toEqual({
    view: loaded,
    verdict: "applied",
  });
});
