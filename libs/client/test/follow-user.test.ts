import { afterAll, beforeAll, expect, test } from "vitest";
import { followUser, type UserView } from "../src/index.ts";
import { type Stack, startStack } from "./start-stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

const isLoaded = (view: UserView) => view.connection === "live" && view.version !== null;

async function expectLists(view: UserView): Promise<void> {
  const projects = await stack.client.listProjects();
  expect(view.projects).toEqual(projects);
  for (const { id } of projects) expect(view.sessions[id]).toEqual(await stack.client.listSessions(id));
}

test("created, changed and deleted projects and sessions are shown", async () => {
  const { client } = stack;
  const follower = followUser(client);
  const loaded = await follower.until(isLoaded);
  const root = loaded.projects[0]?.path ?? "";
  const project = await client.createProject({ name: "second", path: root });
  const [first, second] = [
    await client.createSession(project.id, { name: "a" }),
    await client.createSession(project.id),
  ];
  await client.changeSession(first.id, { name: "renamed" });
  await follower.until((view) => view.sessions[project.id]?.[0]?.name === "renamed");
  await expectLists(follower.view);
  await client.deleteSession(second.id);
  await expectLists(await follower.until((view) => view.sessions[project.id]?.length === 1));
  await client.deleteProject(project.id);
  await expectLists(await follower.until((view) => !view.sessions[project.id]));
  await follower.close();
});

test("of each list the first page is loaded, others on demand, and as much again after a gap", async () => {
  const { client } = stack;
  const root = (await client.listProjects())[0]?.path ?? "";
  const projects = [];
  for (let at = 0; at < 4; at++) projects.push(await client.createProject({ name: `paged ${at}`, path: root }));
  const { id } = projects[3] as { id: string };
  const sessions: string[] = [];
  for (let at = 0; at < 7; at++) sessions.unshift((await client.createSession(id, { name: `session ${at}` })).id);
  const follower = followUser(client, { pageSize: 2, projectIds: [id] });
  const shown = (view: UserView) => (view.sessions[id] ?? []).map((session) => session.id);
  const loaded = await follower.until(isLoaded);
  expect(loaded.projects.map(({ name }) => name)).toEqual(["paged 2", "paged 3"]);
  expect([shown(loaded), Object.keys(loaded.sessions)]).toEqual([sessions.slice(0, 2), [id]]);
  await Promise.all([follower.loadMore(), follower.loadMore(id)]);
  await follower.loadMore(id);
  expect(follower.view.projects.map(({ name }) => name).slice(-3)).toEqual(["paged 1", "paged 2", "paged 3"]);
  expect(shown(follower.view)).toEqual(sessions.slice(0, 6));

  const restart = await stack.killGateway();
  await follower.until((view) => view.connection === "waiting");
  await client.deleteSession(sessions[1] as string);
  await client.changeSession(sessions[6] as string, { name: "unheard" });
  await restart();
  const again = await follower.until(
    (view) => view.connection === "live" && !shown(view).includes(sessions[1] as string),
  );
  const [changed, ...others] = [...sessions.slice(6), ...sessions.slice(0, 6)];
  expect(shown(again)).toEqual([changed, ...others.filter((_, at) => at !== 1)]);
  while (follower.view.more.projects) await follower.loadMore();
  await follower.loadMore(id);
  expect(follower.view.more.sessions).toEqual({ [id]: null });
  expect(follower.view.projects).toEqual(await client.listProjects());
  await follower.loadMore(projects[0]?.id);
  expect(follower.view.sessions[projects[0]?.id ?? ""]).toEqual([]);
  await follower.close();
});

test("the list of a new project is opened only if it is one of those that were asked for", async () => {
  const { client } = stack;
  const follower = followUser(client, { projectIds: [] });
  const loaded = await follower.until(isLoaded);
  const project = await client.createProject({ name: "not asked for", path: loaded.projects[0]?.path ?? "" });
  const isListed = (view: UserView) => view.projects.some(({ id }) => id === project.id);
  expect((await follower.until(isListed)).sessions).toEqual({});
  const { id } = await client.createSession(project.id);
  await follower.loadMore(project.id);
  await follower.until((view) => view.sessions[project.id]?.[0]?.id === id);
  await client.deleteProject(project.id);
  await follower.until((view) => !isListed(view));
  expect(follower.view).toMatchObject({ sessions: {}, more: { sessions: {} } });
  await follower.close();
});

test("changes that were missed while the gateway was away are shown afterwards", async () => {
  const { client } = stack;
  const follower = followUser(client);
  const loaded = await follower.until(isLoaded);
  const restart = await stack.killGateway();
  await follower.until((view) => view.connection === "waiting");
  const project = await client.createProject({ name: "unheard", path: loaded.projects[0]?.path ?? "" });
  await restart();
  await expectLists(await follower.until((view) => project.id in view.sessions));
  await follower.close();
});
