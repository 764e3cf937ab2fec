import { CreatedShare, SharedSession } from "@boocode/contracts";
import { beforeAll, describe, expect, test } from "vitest";
import { type ApiFixture, type Client, newClient, newSession, useApi } from "./fixture.ts";

const SHARES = { defaultS: 3_600, maxS: 7_200, readsPerMinute: 3 };
const fixture = useApi({ shares: { ...SHARES, isPublic: true } });
const closed = useApi({ shares: { ...SHARES, isPublic: false } });

/** A session with a question whose turn was withdrawn. */
async function asked(on: ApiFixture) {
  const owner = await newClient(on);
  const place = await newSession(on, owner);
  const url = `/api/sessions/${place.sessionId}`;
  const posted = await owner.call("POST", `${url}/messages`, { content: "a shared question" });
  await owner.call("DELETE", `${url}/turns/${posted.body.turn_id}`);
  const share = (more: object = {}) => owner.call("POST", `${url}/shares`, { turn_id: posted.body.turn_id, ...more });
  return { owner, url, share, ...place };
}

/** A request without a credential. */
const anonymous = async (on: ApiFixture, url: string, remoteAddress = "192.0.2.1") => {
  const answer = await on.app.inject({ url, remoteAddress });
  return { status: answer.statusCode, body: answer.json(), headers: answer.headers };
};

let mine: Awaited<ReturnType<typeof asked>>;
let stranger: Client;
beforeAll(async () => {
  mine = await asked(fixture);
  stranger = await newClient(fixture);
});

test("a link has 256 random bits, which are stored as a hash only, and its answer stays in no cache, index or referrer", async () => {
  const { status, body } = await mine.share();
  expect(status).toBe(201);
  CreatedShare.parse(body);
  expect(body.token).toMatch(/^boos_[A-Za-z0-9_-]{43}$/);
  const stored = await fixture.pool`select to_jsonb(h)::text as row from shares h`;
  expect(JSON.stringify(stored)).not.toContain(body.token);
  const days = (Date.parse(body.expires_at) - Date.now()) / 1_000;
  expect(Math.abs(days - SHARES.defaultS)).toBeLessThan(60);
  const answer = await stranger.call("GET", `/api/shares/${body.token}`);
  SharedSession.parse(answer.body);
  expect(answer.body.messages.map(({ content }: { content: string }) => content)).toEqual(["a shared question"]);
  const headers = {
    "x-robots-tag": "noindex, nofollow",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
  };
  expect(answer.headers).toMatchObject(headers);
  expect((await stranger.call("GET", "/api/shares/none")).headers).toMatchObject(headers);
  expect((await stranger.call("GET", "/api/shares/none", undefined, { authorization: "" })).headers).toMatchObject(
    headers,
  );
});

test("a link that is unknown, malformed, revoked, expired, of a deleted session or for others has one answer", async () => {
  const { owner, url, share } = await asked(fixture);
  const make = async (more?: object) => (await share(more)).body as { id: string; token: string };
  const [revoked, expired, signedIn, gone] = [await make(), await make(), await make(), await make()];
  expect((await owner.call("DELETE", `${url}/shares/${revoked.id}`)).status).toBe(204);
  await fixture.pool`update shares set expires_at = now() where id = ${expired.id}`;
  const ended = [revoked.token, expired.token, `boos_${"x".repeat(43)}`, "x", "%00"];
  const answers = [];
  for (const token of ended) answers.push(await stranger.call("GET", `/api/shares/${token}`));
  for (const [at, token] of [...ended, signedIn.token].entries()) {
    answers.push(await anonymous(fixture, `/api/shares/${token}`, `198.51.100.${at}`));
  }
  await owner.call("DELETE", url);
  answers.push(await stranger.call("GET", `/api/shares/${gone.token}`));
  for (const { status, body } of answers) expect([status, body]).toEqual([404, answers[0]?.body]);
});

test("anyone reads what is shared with anyone where the host allows that, and is limited by address", async () => {
  const { body } = await mine.share({ audience: "anyone" });
  const url = `/api/shares/${body.token}`;
  const first = await anonymous(fixture, url);
  expect(first.status).toBe(200);
  expect(first.body).toMatchObject({ owner: null, session_id: null });
  expect(first.headers["ratelimit-policy"]).toBe('"anonymous_reads_per_minute";q=3;w=60');
  let refused = first;
  for (let n = 0; n < 12 && refused.status !== 429; n++) refused = await anonymous(fixture, url);
  expect(refused.body.error.code).toBe("rate_limited");
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  expect((await anonymous(fixture, url, "192.0.2.2")).status).toBe(200);
  expect((await stranger.call("GET", url)).status).toBe(200);
  // A wrong credential is not taken for none.
  const wrong = { authorization: `Bearer boo_${"x".repeat(43)}` };
  expect((await stranger.call("GET", url, undefined, wrong)).status).toBe(401);
  // No other route is open.
  expect((await anonymous(fixture, mine.url, "192.0.2.3")).status).toBe(401);
});

describe("where the host does not allow it", () => {
  test("nothing is shared with anyone, and without a sign-in known and unknown links have the same answer", async () => {
    const { owner, share } = await asked(closed);
    expect((await share({ audience: "anyone" })).body.error.code).toBe("forbidden");
    const { body } = await share();
    await closed.pool`update shares set audience = 'anyone' where id = ${body.id}`;
    for (const token of [body.token, "x"]) {
      expect(await anonymous(closed, `/api/shares/${token}`)).toMatchObject({
        ...{ status: 401, body: { error: { code: "unauthenticated" } } },
      });
    }
    expect((await owner.call("GET", `/api/shares/${body.token}`)).status).toBe(200);
  });
});

test("a lifetime over the host's or below a minute is refused, and so is a turn that has not ended", async () => {
  for (const expires_in of [SHARES.maxS + 1, 59, 1.5]) {
    expect((await mine.share({ expires_in })).body.error.code).toBe("invalid_request");
  }
  expect((await mine.share({ expires_in: SHARES.maxS })).status).toBe(201);
  const { owner, url } = await asked(fixture);
  const { turn_id } = (await owner.call("POST", `${url}/messages`, { content: "x" })).body;
  const refused = await owner.call("POST", `${url}/shares`, { turn_id });
  expect([refused.status, refused.body.error.code]).toEqual([409, "turn_not_finished"]);
});

test("shares are listed for a session and for the account, without their tokens, up to the user's limit", async () => {
  const { owner, url, share } = await asked(fixture);
  const { token, ...listed } = (await share()).body;
  for (const path of [`${url}/shares`, "/api/me/shares"]) {
    expect((await owner.call("GET", path)).body).toEqual({ shares: [listed], has_more: false });
  }
  expect((await owner.call("GET", "/api/me")).body.limits.shares).toEqual({ limit: 200, used: 1 });
  await fixture.pool`update users set limits = '{"shares": 1}' where id = ${owner.userId}`;
  expect((await share()).body.error.code).toBe("quota_exceeded");
  expect((await owner.call("GET", `/api/shares/${token}`)).status).toBe(200);
});
