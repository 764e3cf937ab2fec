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
