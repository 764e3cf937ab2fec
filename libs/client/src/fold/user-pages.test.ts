import type { PublishedUserFrame, SessionSummary } from "@boocode/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addProjects,
  addSessions,
  applyUserFrame,
  emptyUserView,
  type SessionPage,
  type UserView,
} from "./apply-user-frame.ts";

/*
 * A server with a list of sessions, and a view of its first pages. Changes, frames and pages overtake each other as they do between
 * REST and a gateway: frames arrive in order but late, and a page is as old as the request or as new as the answer.
 */
type Step = { do: "use" | "rename" | "delete"; at: number } | { do: "create" | "hear" | "ask" | "answer" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom("use" as const, "rename" as const, "delete" as const), at: fc.nat(20) }),
  fc.record({ do: fc.constantFrom("create" as const, "hear" as const, "ask" as const, "answer" as const) }),
);

const timeOf = (tick: number) => new Date(Date.UTC(2026, 0, 1) + tick).toISOString();
const inOrder = (list: readonly SessionSummary[]) =>
  [...list].sort((a, b) => b.updated_at.localeCompare(a.updated_at) || a.id.localeCompare(b.id));

test("a partly loaded list is, once every frame has arrived, the beginning of the server's list", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(8), fc.integer({ min: 1, max: 4 }), (steps, count, size) => {
      let tick = 0;
      let version = 0;
      const server = new Map<string, SessionSummary>();
      const frames: PublishedUserFrame[] = [];
      const session = (id: string, name: string): SessionSummary =>
        ({ id, project_id: "p", name, updated_at: timeOf(++tick) }) as SessionSummary;
      const say = (frame: object) => frames.push({ ...frame, version: ++version } as PublishedUserFrame);
      const read = (before: SessionSummary | null): SessionPage & { last: SessionSummary | null } => {
        const rows = inOrder([...server.values()]).filter((one) => !before || one.updated_at < before.updated_at);
        const sessions = rows.slice(0, size);
        const last = sessions.at(-1) ?? null;
        const rest = rows.length > size && last ? { before: last.id, oldest: last.updated_at } : null;
        return { sessions, rest, last };
      };
      for (let at = 0; at < count; at++) server.set(`s${at}`, session(`s${at}`, "first"));
      const first = read(null);
      let view: UserView = addSessions({ ...emptyUserView, version: 0 }, "p", first, []);
      let { last } = first;
      let asked: { page: ReturnType<typeof read>; since: PublishedUserFrame[] } | null = null;
      const hear = () => {
        const frame = frames.shift();
        if (!frame) return;
        const applied = applyUserFrame(view, frame);
        expect(applied.verdict).toBe("applied");
        view = applied.view;
        asked?.since.push(frame);
      };
      const answer = () => {
        if (!asked) return;
        view = addSessions(view, "p", asked.page, asked.since);
        last = asked.page.last;
        asked = null;
      };
      for (const one of steps) {
        const known = [...server.values()];
        const chosen = "at" in one ? known[one.at % Math.max(1, known.length)] : undefined;
        if (one.do === "hear") hear();
        else if (one.do === "answer") answer();
        else if (one.do === "ask" && view.more.sessions.p && !asked) asked = { page: read(last), since: [] };
        else if (one.do === "create") {
          const created = session(`s${tick}`, "new");
          server.set(created.id, created);
          say({ type: "session_created", session: created });
        } else if (chosen && one.do === "delete") {
          server.delete(chosen.id);
          say({ type: "session_deleted", session_id: chosen.id, project_id: "p" });
        } else if (chosen) {
          const changed =
            one.do === "use" ? session(chosen.id, chosen.name ?? "") : { ...chosen, name: `renamed ${++tick}` };
          server.set(chosen.id, changed);
          say({ type: "session_updated", session: changed });
        }
      }
      answer();
      while (frames.length > 0) hear();
      const all = inOrder([...server.values()]);
      const rest = view.more.sessions.p;
      expect(view.sessions.p).toEqual(rest ? all.filter((one) => one.updated_at >= rest.oldest) : all);
    }),
    { numRuns: 2_000 },
  );
});

test("a page of older projects stands before the newer ones, without those that were deleted meanwhile", () => {
  const project = (id: string) => ({ id, name: id, path: "/", added_at: "", last_session_id: null });
  const view = {
    ...emptyUserView,
    version: 4,
    projects: [project("c")],
    more: { projects: { before: "c", oldest: "" }, sessions: {} },
  };
  const since = [
    { type: "project_deleted", version: 3, project_id: "a" },
    { type: "project_updated", version: 4, project: { ...project("b"), name: "renamed" } },
  ] as PublishedUserFrame[];
  const more = addProjects(view, { projects: [project("a"), project("b")], rest: null }, since);
  expect(more.projects.map(({ name }) => name)).toEqual(["renamed", "c"]);
  expect(more.more.projects).toBeNull();
});

test("sessions of a list that is not open are not shown", () => {
  const view: UserView = { ...emptyUserView, version: 1 };
  const session = { id: "s", project_id: "p", updated_at: timeOf(1) } as SessionSummary;
  for (const frame of [
    { type: "session_updated", version: 2, session },
    { type: "session_deleted", version: 2, session_id: "s", project_id: "p" },
  ] as PublishedUserFrame[])
    expect(applyUserFrame(view, frame).view.sessions).toEqual({});
});
