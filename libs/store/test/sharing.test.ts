import { randomBytes, randomUUID } from "node:crypto";
import { MAX_MEMBERS, type SetMember } from "@boocode/contracts";
import * as store from "@boocode/store";
import { beforeAll, expect, test } from "vitest";
import {
  cancelled,
  claim,
  dump,
  frames,
  newProject,
  newSession,
  newUser,
  type Place,
  post,
  projectsOf,
  question,
  sessionsOf,
  turnRow,
  untilBlocked,
  useStore,
} from "./fixture.ts";

const fixture = useStore({ connections: 12 });

/** A shared project: each user has a session with an answered turn and a waiting one of their own in it. */
interface Shared {
  projectId: string;
  users: Record<Who, string>;
  owners: Asked;
  members: Asked;
}
interface Asked extends Place {
  messageId: string;
  turnId: string;
}
type Who = "owner" | "member" | "other member" | "reader" | "stranger";

const names: Record<Who, string> = { owner: "", member: "", "other member": "", reader: "", stranger: "" };
beforeAll(async () => {
  for (const who of Object.keys(names) as Who[]) names[who] = await newUser(fixture.pool);
});

async function ask(place: Place): Promise<Asked> {
  const posted = await post(fixture.pool, place);
  return { ...place, messageId: posted.message.id, turnId: posted.turnId };
}

async function share(): Promise<Shared> {
  const projectId = await newProject(fixture.pool, names.owner);
  for (const [who, role] of [
    ["member", "member"],
    ["other member", "member"],
    ["reader", "reader"],
  ] as const)
    await set(projectId, who, role);
  const sessionOf = async (ownerId: string) => ({
    ownerId,
    projectId,
    sessionId: await newSession(fixture.pool, ownerId, projectId),
  });
  const [owners, members] = [await ask(await sessionOf(names.owner)), await ask(await sessionOf(names.member))];
  return { projectId, users: names, owners, members };
}

const setMember = (userId: string, projectId: string, member: SetMember) =>
  store.setMember(fixture.pool, { userId, tokenId: null }, projectId, member);
const removeMember = (userId: string, projectId: string, memberId: string) =>
  store.removeMember(fixture.pool, { userId, tokenId: null }, projectId, memberId);
const set = (projectId: string, who: Who, role: "reader" | "member", by = names.owner) =>
  setMember(by, projectId, { name: names[who], role });

type Answer = "done" | "forbidden" | "not found";

/** What a call answers: null and `not_found` mean that the thing does not exist. */
async function answerOf(call: Promise<unknown>): Promise<Answer> {
  try {
    const answer = await call;
    return answer === null || (answer as { kind?: string }).kind === "not_found" ? "not found" : "done";
  } catch (error) {
    if (error instanceof store.Forbidden) return "forbidden";
    throw error;
  }
}

/** The answers to owner, member, another member, and reader; a stranger finds nothing. */
const ALL = ["done", "done", "done", "done"] as const;
const ASKERS = ["done", "done", "done", "forbidden"] as const;
const OWN_OR_OWNER = ["done", "done", "forbidden", "forbidden"] as const;
const ONLY_OWN = ["forbidden", "done", "forbidden", "forbidden"] as const;
const OWNER = ["done", "forbidden", "forbidden", "forbidden"] as const;

type Call = (userId: string, shared: Shared) => Promise<unknown>;
const pool = () => fixture.pool;

/** Every function that acts for a user, on something of the member where it makes a difference. */
const TABLE: [string, readonly [Answer, Answer, Answer, Answer], Call][] = [
  ["findProject", ALL, (user, { projectId }) => store.findProject(pool(), user, projectId)],
  ["listMembers", ALL, (user, { projectId }) => store.listMembers(pool(), user, projectId)],
  ["findSession", ALL, (user, { members }) => store.findSession(pool(), user, members.sessionId)],
  ["listMessages", ALL, (user, { members }) => store.listMessages(pool(), user, members.sessionId, { limit: 9 })],
  ["openSessionExport", ALL, (user, { members }) => store.openSessionExport(pool(), user, members.sessionId)],
  ["listLiveTurns", ALL, (user, { members }) => store.listLiveTurns(pool(), user, members.sessionId)],
  ["findTurn", ALL, (user, { members }) => store.findTurn(pool(), user, members.sessionId, members.turnId)],
  ["lockSession", ALL, (user, { members }) => store.lockSession(pool(), user, members.sessionId)],
  [
    "createSession",
    ASKERS,
    (ownerId, { projectId }) => store.createSession(pool(), { id: randomUUID(), ownerId, projectId }),
  ],
  ["postMessage", ASKERS, (ownerId, { members }) => store.postMessage(pool(), { ...question(members), ownerId }, null)],
  [
    "postMessage, interrupting the member's turn",
    OWN_OR_OWNER,
    (ownerId, { members }) =>
      store.postMessage(pool(), { ...question(members), ownerId, when_busy: "interrupt" }, null),
  ],
  [
    "regenerateAnswer",
    ONLY_OWN,
    async (ownerId, { members }) => {
      await store.cancelTurn(pool(), members.ownerId, members.sessionId);
      return await store.regenerateAnswer(pool(), { ...members, ownerId, turnId: randomUUID() }, null);
    },
  ],
  [
    "editQuestion",
    ONLY_OWN,
    (ownerId, { members }) => store.editQuestion(pool(), { ...question(members), ownerId }, null),
  ],
  [
    "forkSession",
    ASKERS,
    (ownerId, { members: { sessionId, turnId } }) =>
      store.forkSession(pool(), { id: randomUUID(), ownerId, sessionId, turn_id: turnId }, null),
  ],
  [
    "createShare",
    OWN_OR_OWNER,
    (userId, { members: { sessionId, turnId } }) =>
      store.createShare(
        pool(),
        { userId, tokenId: null },
        {
          ...{ id: randomUUID(), sessionId, tokenHash: randomBytes(32), turn_id: turnId },
          ...{ audience: "signed_in", expiresIn: 60 },
        },
      ),
  ],
  ["listShares", ALL, (user, { members }) => store.listShares(pool(), user, members.sessionId)],
  ["cancelTurn", OWN_OR_OWNER, (user, { members }) => store.cancelTurn(pool(), user, members.sessionId)],
  [
    "cancelTurn by id",
    OWN_OR_OWNER,
    (user, { members }) => store.cancelTurn(pool(), user, members.sessionId, members.turnId),
  ],
  [
    "withdrawTurn",
    OWN_OR_OWNER,
    (user, { members }) => store.withdrawTurn(pool(), user, members.sessionId, members.turnId),
  ],
  [
    "deleteMessagesFrom",
    OWN_OR_OWNER,
    (user, { members }) => store.deleteMessagesFrom(pool(), user, members.sessionId, members.messageId),
  ],
  [
    "changeSession",
    OWN_OR_OWNER,
    (user, { members }) => store.changeSession(pool(), user, members.sessionId, { name: "new" }),
  ],
  ["deleteSession", OWN_OR_OWNER, (user, { members }) => store.deleteSession(pool(), user, members.sessionId)],
  ["renameProject", OWNER, (user, { projectId }) => store.renameProject(pool(), user, projectId, "new")],
  ["setMember", OWNER, (user, { projectId }) => set(projectId, "reader", "member", user)],
  ["removeMember", OWNER, (user, { projectId, users }) => removeAnother(user, projectId, users)],
  ["deleteProject", OWNER, (user, { projectId }) => store.deleteProject(pool(), user, projectId)],
];

/** Removes the member, or, as the member, the reader. */
function removeAnother(user: string, projectId: string, users: Shared["users"]): Promise<unknown> {
  return removeMember(user, projectId, user === users.member ? users.reader : users.member);
}

test.each(TABLE)("%s", async (name, answers, call) => {
  for (const [at, who] of (["owner", "member", "other member", "reader"] as const).entries()) {
    const shared = await share();
    const before = await dump(fixture.pool);
    expect([who, await answerOf(call(names[who], shared))]).toEqual([who, answers[at]]);
    if (answers[at] === "forbidden" && name !== "regenerateAnswer") expect(await dump(fixture.pool)).toEqual(before);
  }
  expect(await answerOf(call(names.stranger, await share()))).toBe("not found");
});

test("lists show a shared project with the user's role and its owner, and its sessions with their creators", async () => {
  const { projectId, members } = await share();
  const seen = (await projectsOf(pool(), names.reader)).find(({ id }) => id === projectId);
  expect(seen).toMatchObject({ role: "reader", owner: { id: names.owner, name: names.owner } });
  const sessions = await sessionsOf(pool(), names.reader, projectId);
  expect(sessions.map((session) => session.owner?.id).sort()).toEqual([names.owner, names.member].sort());
  await store.postMessage(pool(), { ...question(members), ownerId: names["other member"] }, null);
  const { messages } = (await store.listMessages(pool(), names.reader, members.sessionId, { limit: 9 }))!;
  expect(messages.map((message) => message.author?.id)).toEqual([names.member, names["other member"]]);
  expect(await projectsOf(pool(), names.stranger)).toEqual([]);
  expect(await sessionsOf(pool(), names.stranger, projectId)).toEqual([]);
  const roles = (await store.listMembers(pool(), names.reader, projectId))!.map(({ id, role }) => [id, role]);
  expect(roles[0]).toEqual([names.owner, "owner"]);
  expect(Object.fromEntries(roles.slice(1))).toEqual({
    ...{ [names.member]: "member", [names["other member"]]: "member", [names.reader]: "reader" },
  });
});

test("a project cannot be shared with an unknown, disabled or deleted user, nor with its owner", async () => {
  const projectId = await newProject(pool(), names.owner);
  const share = (name: string) => setMember(names.owner, projectId, { name, role: "reader" });
  const user = await newUser(pool());
  for (const column of ["disabled_at", "deleted_at"]) {
    await pool()`update users set ${pool()(column)} = now() where id = ${user}`;
    expect(await share(user)).toEqual({ kind: "no_such_user" });
    await pool()`update users set ${pool()(column)} = null where id = ${user}`;
  }
  for (const name of ["nobody", names.owner, `${user} `, user.toUpperCase()])
    expect(await share(name)).toEqual({ kind: "no_such_user" });
  expect(await share(user)).toMatchObject({ kind: "set" });
  expect(await removeMember(names.owner, projectId, names.owner)).toBeNull();
});

test("everyone may leave, and finds nothing afterwards", async () => {
  for (const who of ["member", "reader"] as const) {
    const { projectId } = await share();
    expect(await removeMember(names[who], projectId, names[who])).not.toBeNull();
    expect(await store.findProject(pool(), names[who], projectId)).toBeNull();
    expect(await removeMember(names[who], projectId, names[who])).toBeNull();
  }
});

test.each<[string, (projectId: string) => Promise<unknown>]>([
  ["is removed", (projectId) => removeMember(names.owner, projectId, names.member)],
  ["becomes a reader", (projectId) => set(projectId, "member", "reader")],
])("the live turns of a member who %s are cancelled or withdrawn, and no others", async (how, revoke) => {
  const { projectId, owners, members } = await share();
  const elsewhere = await ask({ ...members, projectId: "", sessionId: await alone(names.member) });
  await claim(pool(), members.turnId);
  const waiting = await ask({ ...owners, ownerId: names.member });
  const changed = (await revoke(projectId)) as { changes: store.Change[] };
  expect(cancelled(changed)).toEqual({ cancelling: [members.turnId], withdrawn: [waiting.turnId] });
  expect(frames(changed)).toMatchObject([
    { type: "turn_withdrawn", session_id: owners.sessionId, reason: "access_revoked" },
  ]);
  const audited = await pool()`
    select event, user_id from audit_events where project_id = ${projectId} order by id desc limit 1`;
  const event = how === "is removed" ? "project.unshared" : "project.shared";
  expect(audited).toEqual([{ event, user_id: names.member }]);
  const [row] = await pool()`select cancel_reason from turns where id = ${members.turnId}`;
  expect(row).toEqual({ cancel_reason: "access_revoked" });
  for (const kept of [owners, elsewhere])
    expect(await turnRow(pool(), kept.turnId)).toMatchObject({ status: "queued" });
});

async function alone(ownerId: string): Promise<string> {
  return await newSession(pool(), ownerId, await newProject(pool(), ownerId));
}

test("a member whose role is raised, or set again, keeps the live turns", async () => {
  const { projectId, members } = await share();
  expect(await set(projectId, "member", "member")).toMatchObject({ kind: "set", changes: [] });
  const raised = (await set(projectId, "reader", "member")) as { changes: store.Change[] };
  expect(raised.changes).toMatchObject([{ frame: { type: "project_updated", project: { role: "member" } } }]);
  expect(await turnRow(pool(), members.turnId)).toMatchObject({ status: "queued" });
});

test("a turn is either queued before its asker is removed, and cancelled, or refused", async () => {
  for (let round = 0; round < 6; round++) {
    const { projectId, owners, members } = await share();
    const posts = [owners, members, owners].map((place) =>
      answerOf(store.postMessage(pool(), { ...question(place), ownerId: names.member }, null)),
    );
    await Promise.all([...posts, removeMember(names.owner, projectId, names.member)]);
    for (const answer of await Promise.all(posts)) expect(["done", "not found"]).toContain(answer);
    const live = await pool()`
      select t.id from turns t join sessions s on s.id = t.session_id where s.project_id = ${projectId}
        and t.owner_id = ${names.member} and t.status in ('queued', 'running')`;
    expect([round, live.length]).toEqual([round, 0]);
  }
});

test("a removal waits for a post that has been admitted, and then cancels its turn", async () => {
  const { projectId, owners } = await share();
  let revoked: Promise<unknown> | undefined;
  await pool().begin(async (sql) => {
    await store.lockSession(sql, names.member, owners.sessionId);
    revoked = removeMember(names.owner, projectId, names.member);
    await untilBlocked(pool());
    await sql`
      insert into turns (id, session_id, owner_id, ordinal)
      values (${randomUUID()}, ${owners.sessionId}, ${names.member}, 99)`;
  });
  await revoked;
  const [row] = await pool()`select status from turns where session_id = ${owners.sessionId} and ordinal = 99`;
  expect(row).toEqual({ status: "cancelled" });
});

test("a session that a member creates while being removed is not created after the removal", async () => {
  const { projectId } = await share();
  const { removing, creating } = await pool().begin(async (sql) => {
    // Both change the project's list, for which they wait here; the removal came first.
    await sql`select from projects where id = ${projectId} for no key update`;
    const started = removeMember(names.owner, projectId, names.member);
    await untilBlocked(pool());
    const session = { id: randomUUID(), ownerId: names.member, projectId };
    const late = store.createSession(pool(), session);
    await untilBlocked(pool(), 2);
    return { removing: started, creating: late };
  });
  expect(await removing).not.toBeNull();
  expect(await creating).toBeNull();
});

test("a project is shared with a limited number of users, of whom each can get another role", async () => {
  const { projectId, users } = await share();
  await pool()`
    with added as (
      insert into users (id, name, slug)
      select id, id::text, 'm-' || id from (select gen_random_uuid() as id from generate_series(4, ${MAX_MEMBERS}::int)) made
      returning id
    )
    insert into project_members (project_id, user_id, role) select ${projectId}, id, 'member' from added`;
  const add = (name: string) => setMember(users.owner, projectId, { name, role: "reader" });
  expect(await add(users.stranger)).toEqual({ kind: "too_many_members" });
  expect(await add(users.member)).toMatchObject({ kind: "set", member: { role: "reader" } });
});
