import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { createRest } from "./rest.ts";
import type { System, User } from "./start-system.ts";

/**
 * Repeats a POST with the same idempotency key, at one API after the other, until it is answered, as a client should.
 * @throws when the request is refused, or not accepted within half a minute
 */
export async function persist<T>(system: System, user: User, path: string, body: unknown): Promise<T> {
  const key = randomUUID();
  for (let attempt = 0; attempt < 150; attempt++) {
    const rest = createRest(() => system.apis[attempt % system.apis.length]?.url as string, user.token);
    const answer = await rest.request<T>("POST", path, body, { "idempotency-key": key }).catch(() => null);
    if (answer && answer.status < 300) return answer.body;
    if (answer && answer.status < 500) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
    await delay(200);
  }
  throw new Error(`POST ${path} was not accepted in half a minute of trying`);
}
