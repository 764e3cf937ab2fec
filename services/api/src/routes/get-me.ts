import { Me } from "@boocode/contracts";
import { answers } from "../answers.ts";
import { type App, callerOf } from "../deps.ts";

export function getMe(app: App): void {
  const schema = { summary: "Say who the caller is and what the token permits", response: answers({ 200: Me }) };
  app.get("/api/me", { schema }, async (request) => {
    const { userId, userName, role, scopes, expiresAt } = callerOf(request);
    return { id: userId, name: userName, role, scopes, expires_at: expiresAt };
  });
}
