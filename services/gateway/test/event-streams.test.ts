import { expect, test } from "vitest";
import { SESSION, startGateway } from "./stage.ts";

test("a database that is away while an event stream joins is told as that, and not as a session that does not exist", async () => {
  const away = await startGateway({ mayRead: () => Promise.reject(new Error("away")) });
  const none = await startGateway({ mayRead: async () => false });
  const ask = (url: string) =>
    fetch(`${url}/api/sessions/${SESSION}/events`, { headers: { authorization: "Bearer t" } });
  const answer = await ask(away.url);
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await answer.json()).toMatchObject({ error: { code: "unavailable" } });
  expect((await ask(none.url)).status).toBe(404);
});
