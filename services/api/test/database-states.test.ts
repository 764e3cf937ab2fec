import { beforeAll, expect, test, vi } from "vitest";
import { type Client, newClient, newSession, useApi } from "./fixture.ts";

const fixture = useApi();
let me: Client;
let messages: string;

beforeAll(async () => {
  me = await newClient(fixture);
  messages = `/api/sessions/${(await newSession(fixture, me)).sessionId}/messages`;
  // The trigger raises the error where the server would: when a message is written.
  await fixture.owner.unsafe(`
    create table fault (code text, remaining int);
    create sequence passed;
    create function fail() returns trigger language plpgsql security definer as $$
    declare fault record;
    begin
      select * into fault from fault;
      if found and nextval('passed') <= fault.remaining then raise exception 'staged' using errcode = fault.code; end if;
      return new;
    end $$;
    create trigger fail before insert on messages for each row execute function fail()`);
});

async function stage(code: string, times: number): Promise<void> {
  await fixture.owner`delete from fault`;
  await fixture.owner`select setval('passed', 1, false)`;
  await fixture.owner`insert into fault values (${code}, ${times})`;
}

/** All are temporary: disk, memory or connections exhausted, a replica after a failover, conflicts, time-outs. */
test.each(["53100", "53200", "53300", "25006", "40001", "40P01", "55P03", "57014"])(
  "while the database answers %s, a post gets 503 with Retry-After, and 202 at once after that",
  async (code) => {
    await stage(code, 1_000_000);
    for (let i = 0; i < 2; i++) {
      const answer = await me.call("POST", messages, { content: "x", when_busy: "queue" });
      expect([answer.status, answer.body.error.code, answer.headers["retry-after"]]).toEqual([503, "unavailable", "1"]);
    }
    // After 25006 the read-only connection is being replaced, so this can fail at first.
    await vi.waitFor(() => stage(code, 0), { timeout: 5_000, interval: 20 });
    expect((await me.call("POST", messages, { content: "x", when_busy: "queue" })).status).toBe(202);
  },
);

test.each(["40001", "40P01"])("a post that fails once with %s is retried and accepted", async (code) => {
  await stage(code, 1);
  expect((await me.call("POST", messages, { content: "x", when_busy: "queue" })).status).toBe(202);
});
